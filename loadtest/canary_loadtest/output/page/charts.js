// The charts of a measurement, drawn by uPlot; `page.js` follows in the same script and feeds them.

const LEAST_ANSWERS_PER_DOT = 50;
const MOST_DOTS = 30;
const TICKS_SECONDS = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400];
const element = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const percent = (value) => (value == null ? "–" : `${value.toFixed(1)} %`.replace("-", "−"));
const routeName = (route) => route || "(none named)";

function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${Number(seconds.toFixed(whole < 10 ? 1 : 0))} s`;
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const parts = h ? [[h, "h"], [m, "min"]] : [[m, "min"], [s, "s"]];
  return parts.filter(([number]) => number).map((part) => part.join(" ")).join(" ");
}

// A live region is read out again when its text is replaced, even by the same text.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const totals = ({ canary, stable, other }) => canary.map((n, i) => n + stable[i] + other[i]);

function changesOf({ seconds, route }) {
  const changes = [];
  let before = null;
  route.forEach((name, i) => {
    if (name !== before && before !== null) changes.push({ seconds: seconds[i], from: before, to: name });
    before = name;
  });
  return changes;
}

// The share among the answers since the last dot: it jumps where the line over all answers only bends.
function dotsOf(history) {
  const total = totals(history);
  const answersPerDot = Math.max(LEAST_ANSWERS_PER_DOT, total.at(-1) / MOST_DOTS);
  let last = 0;
  return total.map((n, i) => {
    if (n - total[last] < answersPerDot) return null;
    const share = 100 * (history.canary[i] - history.canary[last]) / (n - total[last]);
    last = i;
    return share;
  });
}

// Bounds around what matters: the interval is all of 0 to 100 % at first, which would leave no room for the rest.
function shareRange(data) {
  const { expected, history } = data;
  const from = Math.floor(history.seconds.length / 4);
  const values = [
    expected.canary_percent - expected.tolerance_points, expected.canary_percent + expected.tolerance_points,
    ...history.low_percent.slice(from), ...history.high_percent.slice(from), ...dotsOf(history),
  ].filter((share) => share !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return [Math.max(0, 10 * Math.floor(low / 10)), Math.min(100, 10 * Math.ceil(high / 10))];
}

function bandOf({ expected: { canary_percent: share, tolerance_points: points } }) {
  return [Math.max(0, share - points), Math.min(100, share + points)];
}

function drawBand(chart, low, high) {
  const { ctx, bbox } = chart;
  const [top, bottom] = [chart.valToPos(high, "y", true), chart.valToPos(low, "y", true)];
  ctx.save();
  ctx.fillStyle = colour("band");
  ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
  ctx.fillStyle = colour("soft");
  [top, bottom].forEach((y) => ctx.fillRect(bbox.left, y, bbox.width, devicePixelRatio / 2));
  ctx.restore();
}

function drawChanges(chart, changes) {
  const { ctx, bbox } = chart;
  const scale = devicePixelRatio;
  ctx.save();
  ctx.font = `${12 * scale}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  changes.forEach(({ seconds, to }, i) => {
    const x = Math.round(chart.valToPos(seconds, "x", true));
    const y = bbox.top + (4 + 18 * (i % 3)) * scale;
    const label = `→ ${routeName(to)}`;
    const width = ctx.measureText(label).width + 8 * scale;
    const left = Math.min(x, bbox.left + bbox.width - width);
    ctx.fillStyle = ctx.strokeStyle = colour("ink");
    ctx.lineWidth = scale;
    ctx.setLineDash([2 * scale, 3 * scale]);
    ctx.strokeRect(x, bbox.top, 0, bbox.height);
    ctx.fillRect(left, y, width, 16 * scale);
    ctx.fillStyle = colour("paper");
    ctx.fillText(label, left + 4 * scale, y + 2 * scale);
  });
  ctx.restore();
}

// Below a chart: what each series is, and its value under the pointer, or else the newest.
function legendOf(host, series) {
  const list = document.createElement("dl");
  list.className = "legend";
  const after = entry(list, "", "after");
  const values = series.map(({ label, mark }) => (label ? entry(list, mark, label) : null));
  host.after(list);
  return (chart) => {
    if (!chart.data[0].length) return;
    const at = chart.cursor.idx ?? chart.data[0].length - 1;
    setText(after, duration(chart.data[0][at]));
    values.forEach((value, i) => value && setText(value, series[i].words(chart.data, at)));
  };
}

function entry(list, mark, label) {
  const pair = list.appendChild(document.createElement("div"));
  const term = pair.appendChild(document.createElement("dt"));
  if (mark) term.appendChild(document.createElement("span")).className = `mark ${mark}`;
  term.append(label);
  return pair.appendChild(document.createElement("dd"));
}

function chartOf(host, { series, bands, range, hooks }) {
  const showLegend = legendOf(host, series);
  const grid = { stroke: () => colour("line"), width: 1 };
  const axis = { stroke: () => colour("soft"), grid, ticks: { show: false } };
  const size = () => ({ width: host.clientWidth, height: innerWidth < 768 ? 220 : 280 });
  const chart = new uPlot({
    ...size(),
    scales: { x: { time: false }, y: { range } },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map(duration), incrs: TICKS_SECONDS, space: 80, size: 32 },
      { ...axis, values: (_, ticks) => ticks.map((tick) => `${tick} %`.replace("-", "−")), size: 60 },
    ],
    series: [{}, ...series.map((one) => ({ width: 2, points: { show: false }, ...one }))],
    bands,
    cursor: { drag: { x: false, y: false }, y: false },
    legend: { show: false },
    hooks: { ...hooks, setCursor: [showLegend], setData: [showLegend] },
  }, [[], ...series.map(() => [])], host);
  chart.root.querySelector(".u-wrap").setAttribute("role", "img");
  new ResizeObserver(() => chart.setSize(size())).observe(host);
  return (columns, label) => {
    chart.setData(columns);
    chart.root.querySelector(".u-wrap").setAttribute("aria-label", label);
  };
}

const valueOf = (column) => (data, i) => percent(data[column][i]);
const evidenceOf = (column) => (data, i) => (data[column][i] === 200 ? "200 % or more" : percent(data[column][i]));
const spanOf = (low, high) => (data, i) => (
  data[low][i] === null ? "no single share" : `${data[low][i].toFixed(1)} to ${percent(data[high][i])}`);
const lastOf = (column) => (data, i) => percent(data[column].slice(0, i + 1).findLast((value) => value !== null));

let shown = null; // what the charts' hooks draw: the newest data

function shareChart() {
  const area = () => colour("canary-area");
  return chartOf(element("share-chart"), {
    series: [
      { label: "canary so far", mark: "canary", words: valueOf(1), stroke: () => colour("canary"), width: 3 },
      { label: "not ruled out", mark: "area", words: spanOf(3, 2), stroke: area, width: 1 },
      { stroke: area, width: 1 },
      { label: "latest answers", mark: "dot", words: lastOf(4), stroke: () => colour("canary"), paths: () => null,
        points: { show: true, size: 8, width: 2, fill: () => colour("paper") } },
      { label: "expected", mark: "dashed", words: valueOf(5), stroke: () => colour("ink"), dash: [8, 5] },
    ],
    bands: [{ series: [2, 3], fill: area }],
    range: () => (shown ? shareRange(shown) : [0, 100]),
    hooks: {
      drawClear: [(chart) => shown && drawBand(chart, ...bandOf(shown))],
      draw: [(chart) => shown && drawChanges(chart, changesOf(shown.history))],
    },
  });
}

function evidenceChart() {
  return chartOf(element("evidence-chart"), {
    series: [
      { label: "for the expected share", mark: "canary", words: evidenceOf(1), stroke: () => colour("canary"), width: 3 },
      { label: "against it", mark: "against", words: evidenceOf(2), stroke: () => colour("against"), width: 3,
        dash: [3, 3] },
      { label: "that the canary is no worse", mark: "canary-thin", words: evidenceOf(3), stroke: () => colour("canary"),
        width: 1 },
      { label: "that it is worse", mark: "against-thin", words: evidenceOf(4), stroke: () => colour("against"), width: 1,
        dash: [3, 3] },
      { label: "certain", mark: "dashed", words: valueOf(5), stroke: () => colour("ink"), dash: [8, 5] },
    ],
    range: (_, low, high) => [Math.min(0, 25 * Math.floor(low / 25)), Math.max(125, 25 * Math.ceil(high / 25))],
    hooks: { draw: [(chart) => shown && drawChanges(chart, changesOf(shown.history))] },
  });
}

function evidenceInWords(column) {
  const newest = column.at(-1);
  return newest === null ? "not to be judged" : `${Math.round(100 * newest)} % of what a verdict takes`;
}

let charts = null;

// Draws the newest data; the columns are in the order of the charts' series.
function drawCharts(data) {
  const { history, expected } = data;
  const { seconds, low_percent: low, high_percent: high, evidence_for: pro, evidence_against: contra } = history;
  const { evidence_not_worse: fit, evidence_worse: worse } = history;
  const total = totals(history);
  const share = history.canary.map((n, i) => (total[i] ? 100 * n / total[i] : null));
  const flat = (value) => seconds.map(() => value);
  const inPercent = (column) => column.map((value) => (value === null ? null : 100 * value));
  shown = data;
  charts ??= { share: shareChart(), evidence: evidenceChart() };
  charts.share(
    [seconds, share, high, low, dotsOf(history), flat(expected.canary_percent)],
    `Line chart of the canary's share: now ${percent(share.at(-1))}, expected ${expected.canary_percent} %`,
  );
  charts.evidence(
    [seconds, inPercent(pro), inPercent(contra), inPercent(fit), inPercent(worse), flat(100)],
    `Line chart of the evidence: for the expected share ${evidenceInWords(pro)}, against it ${evidenceInWords(contra)}`
      + (data.health ? `, that the canary is no worse ${evidenceInWords(fit)}, that it is ${evidenceInWords(worse)}` : ""),
  );
}
