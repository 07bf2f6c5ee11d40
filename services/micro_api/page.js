// The page calls /test/test at the chosen rate and shows each answer. Top down: texts, counts, calls, what is shown.

const VERSIONS = ["v1", "v2"];
const KINDS = [...VERSIONS, "error"];
const MOST = { tiles: 300, pods: 30, routes: 8, callsInFlight: 60 };
const TIMEOUT_MS = 10_000;

const TEXTS = {
  "en": {
    title: "micro-api canary", start: "Start", stop: "Stop", reset: "Reset", rate: "Calls per second",
    noAnswers: "No answers yet", answers: "Answers, the newest first",
    hint: "Press Start: each answer to GET /test/test becomes a tile here.",
    byRoute: "By route", byPod: "By pod", route: "Route", all: "All", tile: "Tile", pod: "Pod",
    count: "Answers", errors: "Errors", earlier: "earlier", noRoute: "(no name)", noPod: "(no name)",
    error: "Errors", v1: "v1 (stable)", v2: "v2 (canary)",
    underRoute: (route, count) => `Route ${route}: ${count} answers`,
    withoutRoute: (count) => `${count} answers`,
    changed: (time, before, now) => `${time}  The route changed from ${before} to ${now}`,
    held: (count) => `${count} calls left out: the answers come slower than the calls`,
    described: (version, pod, route, status) => `${version} ${status}, pod ${pod}, route ${route}`,
  },
  "zh-CN": {
    title: "micro-api 金丝雀发布", start: "开始", stop: "停止", reset: "清零", rate: "每秒请求数",
    noAnswers: "还没有响应", answers: "响应（最新的在前）",
    hint: "点击“开始”：GET /test/test 的每个响应都会变成这里的一个方块。",
    byRoute: "按路由", byPod: "按 Pod", route: "路由", all: "合计", tile: "方块", pod: "Pod",
    count: "响应数", errors: "错误", earlier: "更早的", noRoute: "（未命名）", noPod: "（未知）",
    error: "错误", v1: "v1（稳定版）", v2: "v2（金丝雀）",
    underRoute: (route, count) => `路由 ${route}：${count} 个响应`,
    withoutRoute: (count) => `${count} 个响应`,
    changed: (time, before, now) => `${time}  路由从 ${before} 变为 ${now}`,
    held: (count) => `少发了 ${count} 个请求：响应比请求慢`,
    described: (version, pod, route, status) => `${version} ${status}，Pod ${pod}，路由 ${route}`,
  },
};

const noCounts = () => ({ v1: 0, v2: 0, error: 0 });
const total = (row) => row.v1 + row.v2 + row.error;
const inOrder = (one, other) => one.localeCompare(other, "en", { numeric: true });

// Counts by kind of answer for each name of one sort: routes, or pods.
class Ledger {
  constructor(most) {
    this.most = most;
    this.rows = new Map(); // name -> row, the one seen last at the end
    this.earlier = null; // the sum of the rows that were removed to bound the memory
  }

  add(name, kind, make = () => ({})) {
    const row = this.rows.get(name) ?? { ...make(), ...noCounts() };
    row[kind] += 1;
    this.rows.delete(name);
    this.rows.set(name, row);
    if (this.rows.size > this.most) this.#retire(this.rows.keys().next().value);
    return row;
  }

  #retire(name) {
    this.earlier ??= noCounts();
    for (const kind of KINDS) this.earlier[kind] += this.rows.get(name)[kind];
    this.rows.delete(name);
  }
}

// Everything that has been seen since the start or the last reset.
class Tally {
  all = noCounts();
  current = noCounts(); // since the last change of route
  routes = new Ledger(MOST.routes);
  pods = new Ledger(MOST.pods);
  route = null; // the current one
  routeSince = 0; // when the first call that it answered was sent
  change = null;
  callsInFlight = 0;
  held = 0;

  // Counts an answer and returns what its tile shows.
  add(answer) {
    const hasChanged = this.#follow(answer);
    const route = answer.route ?? this.route ?? "";
    this.all[answer.kind] += 1;
    if (route === this.route) this.current[answer.kind] += 1;
    this.routes.add(route, answer.kind);
    const pod = this.pods.add(answer.pod, answer.kind, () => ({ version: answer.version, sign: null }));
    const isNewPod = pod.sign === null;
    if (isNewPod) this.#signPods();
    return { ...answer, route, hasChanged, isNewPod, sign: answer.kind === "error" ? answer.status : pod.sign };
  }

  // A call that was sent before a change may be answered after it: this is not a change back.
  #follow({ route, sent }) {
    if (route === null || route === this.route || sent < this.routeSince) return false;
    const before = this.route;
    this.route = route;
    this.routeSince = sent;
    if (before === null) return false;
    this.change = { time: new Date(), before, now: route };
    this.current = noCounts();
    return true;
  }

  // The pods of v1 are 1a, 1b and so on by their names, so that they are the same on each screen in a room.
  #signPods() {
    const podsOf = {};
    for (const [, row] of [...this.pods.rows].sort(([one], [other]) => inOrder(one, other))) {
      const index = (podsOf[row.version] = (podsOf[row.version] ?? -1) + 1);
      row.sign = row.version ? row.version.slice(1) + (index < 26 ? String.fromCharCode(97 + index) : index) : "?";
    }
  }
}

// One call. An answer without a route's name has the route "", one that a proxy made has none: null.
async function ask() {
  const answer = { sent: performance.now(), kind: "error", version: "", pod: "", route: null };
  try {
    const reply = await fetch("test/test", {
      cache: "no-store", redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await reply.arrayBuffer(); // an incomplete body is an error, and the connection is free only after it
    const version = reply.headers.get("x-service-version") ?? "";
    const isGood = reply.status === 200 && VERSIONS.includes(version);
    return {
      ...answer,
      kind: isGood ? version : "error",
      status: String(reply.status),
      version,
      pod: reply.headers.get("x-pod-name") ?? "",
      route: reply.headers.get("x-canary-route") ?? (isGood ? "" : null),
    };
  } catch (error) {
    return { ...answer, status: error.name === "TimeoutError" ? `>${TIMEOUT_MS / 1000}s` : "✕" };
  }
}

// What is on the screen.

const at = (id) => document.getElementById(id);
const language = () => document.documentElement.lang;
const text = (key, ...values) => (values.length ? TEXTS[language()][key](...values) : TEXTS[language()][key]);
const share = (part, whole) =>
  new Intl.NumberFormat(language(), { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 })
    .format(whole ? part / whole : 0);
const routeName = (name) => name || text("noRoute");

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const tile = (tag, kind, sign) => element(tag, { className: `tile ${kind}`, textContent: sign });

// A new pod may come before others by its name: the tiles follow.
function signTiles() {
  for (const shown of document.querySelectorAll("#tiles [data-pod]")) {
    shown.textContent = tally.pods.rows.get(shown.dataset.pod)?.sign ?? shown.textContent;
  }
}

function addTile({ kind, sign, version, pod, route, status, hasChanged, isNewPod }) {
  const tiles = at("tiles");
  if (isNewPod) signTiles();
  if (hasChanged) tiles.prepend(element("li", { className: "mark", textContent: `↑ ${routeName(route)}` }));
  const added = tile("li", kind, sign);
  added.title = text("described", version || "?", pod || text("noPod"), routeName(route), status);
  if (kind !== "error") added.dataset.pod = pod;
  tiles.prepend(added);
  while (tiles.children.length > MOST.tiles) tiles.lastElementChild.remove();
}

const counted = (row, kind) => element("td", {}, String(row[kind]), element("small", {}, share(row[kind], total(row))));
const routeRow = (name, row) => element("tr", {}, element("td", {}, name), ...KINDS.map((kind) => counted(row, kind)));

function podRow(name, row) {
  const shown = row.sign ? tile("span", row.version || "error", row.sign) : "";
  return element("tr", {},
    element("td", {}, shown), element("td", { className: "name" }, name),
    element("td", {}, String(total(row)), element("small", {}, share(total(row), total(tally.all)))),
    element("td", {}, String(row.error)));
}

function showShares() {
  const { current } = tally;
  const bars = KINDS.map((kind) => {
    const bar = element("div", { className: kind, hidden: current[kind] === 0 });
    bar.style.width = `${(100 * current[kind]) / (total(current) || 1)}%`; // the policy allows no style in the text
    return bar;
  });
  at("bar").replaceChildren(...bars);
  at("bar").ariaLabel = KINDS.map((kind) => `${text(kind)} ${share(current[kind], total(current))}`).join(", ");
  at("shares").replaceChildren(...KINDS.map((kind) => element("div", {},
    element("dt", {}, tile("span", kind, { v1: "1", v2: "2", error: "✕" }[kind]), text(kind)),
    element("dd", {}, element("strong", {}, share(current[kind], total(current))), String(current[kind])))));
}

function showHeading() {
  const { route, current, change, held } = tally;
  const underRoute = route ? text("underRoute", route, total(current)) : text("withoutRoute", total(current));
  at("route").textContent = total(tally.all) ? underRoute : text("noAnswers");
  const time = change?.time.toLocaleTimeString(language(), { hour12: false });
  const news = change ? text("changed", time, routeName(change.before), routeName(change.now)) : "";
  if (at("news").textContent !== news) at("news").textContent = news; // screen readers read it out, so only once
  at("hint").hidden = total(tally.all) > 0;
  at("held").hidden = held === 0;
  at("held").textContent = text("held", held);
}

function showTables() {
  const earlier = ({ earlier }, row) => (earlier ? [row(text("earlier"), earlier)] : []);
  const newestFirst = [...tally.routes.rows].reverse();
  const routes = newestFirst.map(([name, row]) => routeRow(routeName(name), row));
  at("routes").replaceChildren(...routes, ...earlier(tally.routes, routeRow));
  at("total").replaceChildren(routeRow(text("all"), tally.all));
  const bySign = [...tally.pods.rows].sort(([, one], [, other]) => inOrder(one.sign, other.sign));
  const pods = bySign.map(([name, row]) => podRow(name || text("noPod"), row));
  at("pods").replaceChildren(...pods, ...earlier(tally.pods, podRow));
}

function show() {
  isShowing = false;
  showHeading();
  showShares();
  showTables();
}

// At most once a frame, however many answers come.
function showSoon() {
  if (!isShowing) requestAnimationFrame(show);
  isShowing = true;
}

function showTexts() {
  for (const shown of document.querySelectorAll("[data-text]")) shown.textContent = text(shown.dataset.text);
  at("run").textContent = text(timer ? "stop" : "start");
  document.title = text("title");
  const [other, name] = language() === "en" ? ["zh-CN", "中文"] : ["en", "English"];
  Object.assign(at("language"), { lang: other, textContent: name });
  show();
}

// What people do.

let tally = new Tally();
let timer = 0;
let isShowing = false;

async function call() {
  const asked = tally; // a reset makes a new one, which must not count this answer
  if (asked.callsInFlight >= MOST.callsInFlight) {
    asked.held += 1;
    return showSoon();
  }
  asked.callsInFlight += 1;
  const answer = await ask();
  asked.callsInFlight -= 1;
  if (asked !== tally) return;
  addTile(tally.add(answer));
  showSoon();
}

function run(shouldRun) {
  clearInterval(timer);
  timer = shouldRun ? setInterval(call, 1000 / at("rate").valueAsNumber) : 0;
  at("run").textContent = text(timer ? "stop" : "start");
}

function reset() {
  tally = new Tally();
  at("tiles").replaceChildren();
  showSoon();
}

function speak(wanted) {
  document.documentElement.lang = wanted;
  showTexts();
}

at("run").addEventListener("click", () => run(!timer));
at("reset").addEventListener("click", reset);
at("language").addEventListener("click", () => speak(at("language").lang));
at("rate").addEventListener("input", () => {
  at("rate-shown").textContent = at("rate").value;
  if (timer) run(true);
});
speak(navigator.language.startsWith("zh") ? "zh-CN" : "en");
