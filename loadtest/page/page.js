// Shows what `page.data_of` returns: a report carries it, the live page asks for it every second.
(() => {
  "use strict";
  const SIGNS = { CONFIRMED: "✓", REFUTED: "✗", INCONCLUSIVE: "?" };
  const ANSWERS_PER_DOT = 50;
  const RATE_SECONDS = 5;
  const carried = document.getElementById("data");
  const element = (id) => document.getElementById(id);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const percent = (value) => (value == null ? "–" : `${value.toFixed(1)} %`.replace("-", "−"));
  const count = (value) => value.toLocaleString("en");
  const routeName = (route) => route || "(none named)";

  function duration(seconds) {
    const whole = Math.round(seconds);
    if (whole < 100) return `${Number(seconds.toFixed(whole < 10 ? 1 : 0))} s`;
    const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    return h ? `${h} h ${m} min` : `${m} min ${s} s`;
  }

  // ---- what the history says beside its columns ----

  const totals = ({ v3, plain, other }) => v3.map((n, i) => n + plain[i] + other[i]);

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
    let last = 0;
    return total.map((n, i) => {
      if (n - total[last] < ANSWERS_PER_DOT) return null;
      const share = 100 * (history.v3[i] - history.v3[last]) / (n - total[last]);
      last = i;
      return share;
    });
  }

  function rateOf(history) {
    const total = totals(history);
    const end = total.length - 1;
    let start = end;
    while (start > 0 && history.seconds[end] - history.seconds[start] < RATE_SECONDS) start -= 1;
    const seconds = history.seconds[end] - history.seconds[start];
    return seconds > 0 ? (total[end] - total[start]) / seconds : 0;
  }

  // ---- charts ----

  // Bounds around what matters: the interval is all of 0 to 100 % at first, which would leave no room for the rest.
  function shareRange(data) {
    const { expected, history } = data;
    const from = Math.floor(history.seconds.length / 4);
    const values = [
      expected.v3_percent - expected.tolerance_points, expected.v3_percent + expected.tolerance_points,
      ...history.low_percent.slice(from), ...history.high_percent.slice(from), ...dotsOf(history).filter((v) => v !== null),
    ];
    return [Math.max(0, 10 * Math.floor(Math.min(...values) / 10)), Math.min(100, 10 * Math.ceil(Math.max(...values) / 10))];
  }

  function bandOf({ expected: { v3_percent: share, tolerance_points: points } }) {
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
    const axis = { stroke: () => colour("soft"), grid: { stroke: () => colour("line"), width: 1 }, ticks: { show: false } };
    const size = () => ({ width: host.clientWidth, height: innerWidth < 768 ? 220 : 280 });
    const chart = new uPlot({
      ...size(),
      scales: { x: { time: false }, y: { range } },
      axes: [
        { ...axis, values: (_, ticks) => ticks.map(duration), space: 80, size: 32 },
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
  const lastOf = (column) => (data, i) => percent(data[column].slice(0, i + 1).findLast((value) => value !== null));

  let shown = null; // what the charts' hooks draw: the newest data

  function shareChart() {
    const area = () => colour("v3-area");
    return chartOf(element("share-chart"), {
      series: [
        { label: "V3 so far", mark: "v3", words: valueOf(1), stroke: () => colour("v3"), width: 3 },
        { label: "not ruled out", mark: "area", words: (data, i) => `${data[3][i].toFixed(1)} to ${percent(data[2][i])}`, stroke: area, width: 1 },
        { stroke: area, width: 1 },
        { label: "latest answers", mark: "dot", words: lastOf(4), stroke: () => colour("v3"), paths: () => null,
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
        { label: "for the expected share", mark: "v3", words: valueOf(1), stroke: () => colour("v3"), width: 3 },
        { label: "against it", mark: "against", words: valueOf(2), stroke: () => colour("against"), width: 3, dash: [3, 3] },
        { label: "a verdict", mark: "dashed", words: valueOf(3), stroke: () => colour("ink"), dash: [8, 5] },
      ],
      range: (_, low, high) => [Math.max(-100, Math.min(0, 25 * Math.floor((low ?? 0) / 25))), Math.max(125, 25 * Math.ceil((high ?? 0) / 25))],
      hooks: { draw: [(chart) => shown && drawChanges(chart, changesOf(shown.history))] },
    });
  }

  // ---- the page ----

  function showVerdict({ verdict, reason, next, state, decided_after: decidedAfter }) {
    const section = element("verdict");
    const words = state === "running" ? `${verdict} so far` : verdict;
    section.className = verdict;
    section.hidden = false;
    section.querySelector(".sign").textContent = SIGNS[verdict];
    setText(section.querySelector("strong"), words);
    setText(section.querySelector(".reason"), reason);
    const undecided = state === "running" && decidedAfter === null;
    setText(section.querySelector(".next"), undecided ? "" : `Next: ${next}.`);
  }

  // A live region is read out anew when its text is replaced, even by the same.
  function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  function showFigures({ counts, expected, v3_percent: share, v3_interval_percent: [low, high], to_go: toGo, state, history }) {
    const rate = rateOf(history);
    const running = state === "running";
    setText(element("share"), percent(share));
    setText(element("interval"), `between ${low.toFixed(1)} and ${percent(high)} with ${+(100 * (1 - expected.alpha)).toFixed(10)} % certainty`);
    setText(element("expected"), `${expected.v3_percent} %`);
    setText(element("tolerance"), `± ${expected.tolerance_points} percentage point${expected.tolerance_points === 1 ? "" : "s"}`);
    setText(element("answers"), count(counts.v3 + counts.plain + counts.other));
    setText(element("rate"), running ? `about ${count(Math.round(rate))} a second` : "");
    setText(element("needed"), toGo === null ? "–" : toGo === 0 ? "none" : `about ${count(toGo)}`);
    setText(element("needed-time"), toGo === null ? "no verdict is in sight" : running && toGo && rate ? `about ${duration(toGo / rate)}` : "");
  }

  function showKinds({ counts }) {
    const total = counts.v3 + counts.plain + counts.other;
    const others = Object.entries(counts.other_by_kind).sort(([, a], [, b]) => b - a);
    const rows = [["V3 (canary, v2)", counts.v3, "v3"], ["plain (stable, v1)", counts.plain, "plain"],
      ...others.map(([kind, n]) => [kind, n, "other"])];
    element("kinds").tBodies[0].replaceChildren(...rows.map(([kind, n, name]) => {
      const row = document.createElement("tr");
      const heading = document.createElement("th");
      heading.scope = "row";
      heading.textContent = kind;
      row.append(heading);
      row.insertCell().textContent = count(n);
      row.insertCell().textContent = total ? percent(100 * n / total) : "–";
      if (n) {
        const bar = row.insertCell().appendChild(document.createElement("span"));
        bar.className = `bar ${name}`;
        bar.style.width = `${100 * n / total}%`;
      } else {
        row.insertCell();
      }
      return row;
    }));
  }

  function showRoutes(changes) {
    element("routes").hidden = changes.length === 0;
    element("routes").querySelector("ol").replaceChildren(...changes.map(({ seconds, from, to }) => {
      const item = document.createElement("li");
      item.textContent = `after ${duration(seconds)}: ${routeName(from)} → ${routeName(to)}`;
      return item;
    }));
  }

  let charts = null;

  function drawCharts(data) {
    const { history, expected } = data;
    const total = totals(history);
    const share = history.v3.map((n, i) => (total[i] ? 100 * n / total[i] : null));
    const flat = (value) => history.seconds.map(() => value);
    const scaled = (column) => column.map((value) => (value === null ? null : 100 * value));
    shown = data;
    charts ??= { share: shareChart(), evidence: evidenceChart() };
    charts.share([history.seconds, share, history.high_percent, history.low_percent, dotsOf(history), flat(expected.v3_percent)],
      `Line chart of the share of V3: now ${percent(share.at(-1))}, expected ${expected.v3_percent} %`);
    charts.evidence([history.seconds, scaled(history.evidence_for), scaled(history.evidence_against), flat(100)],
      `Line chart of the evidence: for the expected share ${inWords(history.evidence_for)}, against it ${inWords(history.evidence_against)}`);
  }

  const inWords = (column) => (column.at(-1) === null ? "not to be judged" : `${Math.round(100 * column.at(-1))} % of what a verdict takes`);

  function show(data) {
    const begun = data.history.seconds.length > 0;
    const words = { ready: "No test has run yet: start one.", running: "Running", ended: "Ended" }[data.state];
    setText(element("state"), begun ? `${words} after ${duration(data.history.seconds.at(-1))}`.replace("Running after", "Running for") : words);
    element("measured").hidden = !begun;
    element("verdict").hidden = !begun;
    if (!begun) return;
    showVerdict(data);
    showFigures(data);
    showKinds(data);
    showRoutes(changesOf(data.history));
    drawCharts(data);
  }

  async function refresh() {
    try {
      const answer = await fetch("canary-split/data");
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      show(await answer.json());
    } catch (problem) {
      setText(element("state"), `Locust does not answer (${problem.message}); what follows is what it said last.`);
    }
    setTimeout(refresh, 1000);
  }

  // Locust's own switch between light and dark, where its page has set it; otherwise the reader's system.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  function setTheme() {
    const chosen = carried ? null : localStorage.getItem("theme");
    document.documentElement.dataset.theme = chosen ?? (dark.matches ? "dark" : "light");
    if (shown) drawCharts(shown);
  }
  dark.addEventListener("change", setTheme);
  addEventListener("storage", setTheme);

  setTheme();
  if (carried) show(JSON.parse(carried.textContent));
  else refresh();
})();
