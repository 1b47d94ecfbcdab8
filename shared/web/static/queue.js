// Keeps a queue's table fresh: follows the changes of /api/<service>/queues/<queue> and redraws the rows they name.
// Claiming, filters and pages work without this file; with it the list is live, clocks count, and the keyboard stays where it was.
await new Promise((drawn) => (document.hidden ? drawn() : requestAnimationFrame(() => setTimeout(drawn)))); // the list first
const board = document.querySelector("[data-queue]");
const part = (name) => board.querySelector(`[data-${name}]`);
const { api, here, me, zone: office } = board.dataset;
const SLOW = { news: 5000, counts: 5000, clocks: 15000 };
const ahead = Date.parse(board.dataset.now) - Date.now();
const now = () => Date.now() + ahead;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// --- a row, as queue.html draws it -----------------------------------------------------------------------------------

function left(due) {
  const minutes = Math.floor(Math.abs(due - now()) / 60000);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60)];
  const text = hours >= 48 ? `${days} d ${hours % 24} h` : hours ? `${hours} h ${minutes % 60} min` : minutes ? `${minutes} min` : "under 1 min";
  return due <= now() ? `late by ${text}` : `in ${text}`;
}

const dates = {};
function date(at, zone) {
  const form = (timeZoneName) => new Intl.DateTimeFormat("en-US", { day: "numeric", month: "long", year: "numeric", hour: "numeric", minute: "2-digit", timeZone: zone, timeZoneName });
  dates[zone] ??= [form("short"), form("long")];
  const [says, atLength] = dates[zone].map((form) => Object.fromEntries(form.formatToParts(new Date(at)).map(({ type, value }) => [type, value])));
  const name = /\d/.test(says.timeZoneName) ? atLength.timeZoneName : says.timeZoneName; // an offset is no name
  return `${says.month} ${says.day}, ${says.year}, ${says.hour}:${says.minute}\u202f${says.dayPeriod} ${name}`;
}

function due(item) {
  if (!item.due) return ["–"];
  const clock = element("span", { class: "c-clock", "data-clock": item.due }, left(Date.parse(item.due)));
  return [element("time", { datetime: item.due }, date(item.due, item.data.zone ?? office)), element("br"), clock];
}

function act(item) {
  const named = element("span", { class: "nhsuk-u-visually-hidden" }, `: ${item.title}`);
  const mine = item.claimed_by === me;
  if (item.state === "claimed" && !mine) return element("a", { href: `${here}/items/${item.id}/take-over`, "data-over": "" }, "Take over", named);
  const form = element("form", { method: "post", action: `${here}/items/${item.id}/${mine ? "release" : "claim"}` });
  const once = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  form.append(element("input", { type: "hidden", name: "_once", value: once }));
  if (mine) form.append(element("input", { type: "hidden", name: "_back", value: board.dataset.back }));
  const kind = `nhsuk-button nhsuk-button--small${mine ? " nhsuk-button--secondary" : ""}`;
  form.append(element("button", { class: kind, type: "submit", "data-act": "" }, mine ? "Put back" : "Take it", named));
  return form;
}

function row(item) {
  const cell = (label, ...children) => element("td", { role: "cell", "data-label": label }, ...children);
  const about = item.about ? [element("br"), element("span", { class: "c-quiet" }, item.about)] : [];
  return element(
    "tr", { role: "row", "data-item": item.id, "data-due": item.due ?? "", "data-created": item.created_at, class: late(item) ? "c-late c-new" : "c-new" },
    cell("Waiting for", element("a", { href: item.data.href ?? `/desk/cases/${item.case_id}` }, item.title), ...about),
    cell("Due", ...due(item)),
    cell("Who has it", item.claimed_name ?? "Nobody yet"),
    element("td", { role: "cell" }, act(item)),
  );
}

// --- what belongs in this view, and where ----------------------------------------------------------------------------

const late = (item) => Boolean(item.due) && Date.parse(item.due) <= now();
const own = {
  who: (item) => (item.claimed_by === null ? "nobody" : item.claimed_by === me ? "mine" : "colleague"),
  clock: (item) => (!item.due ? "none" : late(item) ? "late" : "running"),
};

function belongs(item) {
  const chosen = JSON.parse(board.dataset.chosen);
  return item.state !== "done" && Object.entries(chosen).every(([facet, values]) => values.includes(own[facet]?.(item) ?? item.data[facet]));
}

const ORDERS = {
  due: (made) => [made.dataset.due ? 0 : 1, Date.parse(made.dataset.due) || 0, Date.parse(made.dataset.created)],
  oldest: (made) => [Date.parse(made.dataset.created)],
  newest: (made) => [-Date.parse(made.dataset.created)],
};
function before(a, b) {
  const order = ORDERS[board.dataset.sort];
  const [ours, theirs] = [order(a), order(b)];
  return ours.map((place, i) => place - theirs[i]).find((difference) => difference !== 0) < 0;
}

function place(made) {
  const rows = part("rows");
  const next = [...rows.children].find((other) => before(made, other)) ?? null;
  const [first, most] = [Number(board.dataset.page) === 1, Number(board.dataset.most)];
  const onAnotherPage = (next === null && rows.children.length >= most) || (next === rows.firstElementChild && !first);
  if (onAnotherPage) return false;
  rows.insertBefore(made, next);
  const last = rows.lastElementChild;
  if (rows.children.length > most && !last.contains(document.activeElement)) last.remove();
  return true;
}

function apply(item) {
  const old = part("rows").querySelector(`[data-item="${item.id}"]`);
  const focused = old?.contains(document.activeElement) ? document.activeElement : null;
  const neighbour = old?.nextElementSibling ?? old?.previousElementSibling;
  old?.remove();
  const made = belongs(item) ? row(item) : null;
  const shown = made !== null && place(made);
  if (focused) {
    const same = focused.matches("[data-act], [data-over]") ? "[data-act], [data-over]" : "a";
    (shown ? made.querySelector(same) : neighbour?.querySelector("a") ?? part("shortcuts").previousElementSibling.querySelector("summary"))?.focus();
  }
  if (shown) setTimeout(() => made.classList.remove("c-new"), 1500);
  if (old && !shown) tell(item.state === "done" ? `${item.title} is done` : `${item.title} is no longer in this list`);
  else if (!old && shown) tell(`New here: ${item.title}`);
  else if (old && item.state === "claimed" && item.claimed_by !== me) tell(`${item.claimed_name} has ${item.title}`);
  part("empty").hidden = part("rows").children.length > 0;
  recount();
}

// --- words for everybody, not too many of them -----------------------------------------------------------------------

function seldom(milliseconds, work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => { waiting = false; work(); }, milliseconds * (1 + Math.random()));
  };
}

let unsaid = [];
const speak = seldom(SLOW.news, () => {
  part("news").textContent = unsaid.length > 3 ? `${unsaid.length} changes in this list.` : `${unsaid.join(". ")}.`;
  unsaid = [];
});
function tell(text) {
  unsaid.push(text);
  speak();
}

const recount = seldom(SLOW.counts, async () => {
  if (document.hidden) return void recount();
  const answer = await fetch(`${api}/counts${location.search}`);
  if (answer.ok) count(await answer.json());
});
function count({ total, counts }) {
  part("total").textContent = total;
  for (const facet of board.querySelectorAll("[data-facet]"))
    for (const choice of facet.querySelectorAll("[data-count]")) choice.textContent = counts[facet.dataset.facet][choice.dataset.count] ?? 0;
}

setInterval(() => {
  for (const clock of board.querySelectorAll("[data-clock]")) {
    const at = Date.parse(clock.dataset.clock);
    const says = left(at);
    if (clock.textContent !== says) clock.textContent = says;
    clock.closest("tr").classList.toggle("c-late", at <= now());
  }
}, SLOW.clocks);

// --- live ------------------------------------------------------------------------------------------------------------

const live = part("live");
const say = (text, lost) => {
  live.hidden = false;
  live.classList.toggle("c-queue__live--lost", lost);
  part("live-text").textContent = text;
};
const changes = new EventSource(`${api}/changes?after=${encodeURIComponent(board.dataset.cursor)}`);
changes.addEventListener("open", () => say("Live", false));
changes.addEventListener("error", () => say(changes.readyState === EventSource.CLOSED ? "Not live: load the page again" : "Connecting again…", true));
changes.addEventListener("item", (event) => apply(JSON.parse(event.data)));
addEventListener("pagehide", () => changes.close());
addEventListener("pageshow", (event) => event.persisted && location.reload());

// --- filters: the list changes where it stands, and so does the address ----------------------------------------------

const filters = part("filters");
if (matchMedia("(max-width: 60rem)").matches) filters.open = false;
const form = filters.querySelector("form");
let asked = 0;
async function show(address) {
  const mine = ++asked;
  const answer = await fetch(address);
  if (!answer.ok) return void location.assign(address);
  const drawn = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-queue]");
  if (mine !== asked || !drawn) return;
  history.replaceState(null, "", address);
  for (const name of ["chosen", "sort", "page", "back"]) board.dataset[name] = drawn.dataset[name];
  board.querySelector(".c-queue__list").replaceChildren(...drawn.querySelector(".c-queue__list").children);
  for (const facet of drawn.querySelectorAll("[data-facet]"))
    for (const choice of facet.querySelectorAll("[data-count]")) {
      const ours = form.querySelector(`[data-facet="${facet.dataset.facet}"] [data-count="${CSS.escape(choice.dataset.count)}"]`);
      if (ours) ours.textContent = choice.textContent;
    }
  offerShortcuts();
  tell(`${part("total").textContent} in this list`);
}
form.addEventListener("change", () => show(`${here}?${new URLSearchParams(new FormData(form))}`));

// --- single keys -----------------------------------------------------------------------------------------------------

const shortcuts = part("shortcuts");
const switched = part("single-keys");
const kept = { get: () => { try { return localStorage.getItem("single-keys"); } catch { return null; } }, set: (value) => { try { localStorage.setItem("single-keys", value); } catch { /* kept for this page alone */ } } };
switched.checked = kept.get() !== "off";
switched.addEventListener("change", () => kept.set(switched.checked ? "on" : "off"));
function offerShortcuts() {
  const button = part("show-shortcuts");
  button.hidden = false;
  button.addEventListener("click", () => shortcuts.showModal());
}
offerShortcuts();

const current = () => document.activeElement.closest("[data-item]");
function step(by) {
  const rows = [...part("rows").children];
  const at = rows.indexOf(current());
  rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by]?.querySelector("a").focus();
}
const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  t: () => current()?.querySelector("[data-act]")?.click(),
  o: () => current()?.querySelector("[data-over]")?.click(),
  f: () => { filters.open = true; form.querySelector("input:not([type=hidden])").focus(); },
  m: () => form.querySelector("[name=who][value=mine]")?.click(),
  n: () => board.querySelector("[rel=next]")?.click(),
  p: () => board.querySelector("[rel=prev]")?.click(),
  "?": () => shortcuts.showModal(),
};
addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
  if (!switched.checked || typing || shortcuts.open || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (!Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
});
