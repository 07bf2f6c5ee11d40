// Shows what `page.data_of` returns: a report carries it, the live page asks for it every second.

const SIGNS = { CONFIRMED: "✓", REFUTED: "✗", INCONCLUSIVE: "?" };
const RATE_SECONDS = 5;
const carried = element("data");
const count = (value) => value.toLocaleString("en");

// Answers a second in the last few seconds.
function rateOf(history) {
  const total = totals(history);
  const end = total.length - 1;
  let start = end;
  while (start > 0 && history.seconds[end] - history.seconds[start] < RATE_SECONDS) start -= 1;
  const seconds = history.seconds[end] - history.seconds[start];
  return seconds > 0 ? (total[end] - total[start]) / seconds : 0;
}

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

function showFigures(data) {
  const { counts, expected } = data;
  const rate = data.state === "running" ? rateOf(data.history) : 0;
  const points = expected.tolerance_points === 1 ? "point" : "points";
  setText(element("share"), percent(data.canary_percent));
  setText(element("interval"), data.interval);
  setText(element("expected"), `${expected.canary_percent} %`);
  setText(element("tolerance"), `± ${expected.tolerance_points} percentage ${points}`);
  setText(element("answers"), count(counts.canary + counts.stable + counts.other));
  setText(element("rate"), rate ? `about ${count(Math.round(rate))} a second` : "");
  const [needed, time] = neededIn(data.to_go, rate);
  setText(element("needed"), needed);
  setText(element("needed-time"), time);
}

function neededIn(answers, rate) {
  if (answers === null) return ["–", "no verdict is in sight"];
  if (answers === 0) return ["none", ""];
  return [`about ${count(answers)}`, rate ? `about ${duration(answers / rate)}` : ""];
}

function showHealth({ health, reason }) {
  element("health").hidden = element("latency").hidden = health === null;
  if (health === null) return;
  const said = health.worse_after !== null && reason.includes(health.sentence);
  const sentences = said ? health.remarks : [health.sentence, ...health.remarks];
  setText(element("health"), `Canary: ${health.finding} – ${sentences.join("; ")}.`);
  const { latency } = health;
  element("latency").hidden = latency === null;
  if (latency === null) return;
  const told = reason.includes(latency.sentence) ? latency.remarks : [latency.sentence, ...latency.remarks];
  setText(element("latency"), `Latency: ${latency.finding} – ${told.join("; ")}.`);
}

function showKinds({ counts, row_names: names }) {
  const total = counts.canary + counts.stable + counts.other;
  const others = Object.entries(counts.other_by_kind).sort(([, a], [, b]) => b - a);
  const rows = [[names.canary, counts.canary, "canary"], [names.stable, counts.stable, "stable"],
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

const STATES = {
  ready: () => "No test has run yet: start one.",
  running: (time) => `Running for ${time}`,
  ended: (time) => `Ended after ${time}`,
};

function show(data) {
  const begun = data.history.seconds.length > 0;
  setText(element("state"), STATES[data.state](duration(data.history.seconds.at(-1) ?? 0)));
  element("measured").hidden = !begun;
  element("verdict").hidden = !begun;
  if (!begun) return;
  showVerdict(data);
  showFigures(data);
  showHealth(data);
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
