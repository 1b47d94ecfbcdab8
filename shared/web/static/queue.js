// Keeps a queue's table fresh: follows the changes of /api/<service>/queues/<queue> and redraws the rows they name.
// Claiming by the button works without this file; with it the row changes in place and the keyboard stays where it was.
const board = document.querySelector("[data-queue]");
const rows = board.querySelector("[data-rows]");
const [count, news, empty, live] = ["count", "news", "empty", "live"].map((name) => board.querySelector(`[data-${name}]`));
const { api, here, cursor, me } = board.dataset;
const dates = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function button(item) {
  const mine = item.claimed_by === me;
  if (item.state === "claimed" && !mine) return "";
  const kind = mine ? "nhsuk-button nhsuk-button--secondary nhsuk-button--small" : "nhsuk-button nhsuk-button--small";
  const form = element("form", { method: "post", action: `${here}/items/${item.id}/${mine ? "release" : "claim"}` });
  form.append(
    element("input", { type: "hidden", name: "_once", value: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}` }),
    element("button", { class: kind, type: "submit" }, mine ? "Put back" : "Take it", element("span", { class: "nhsuk-u-visually-hidden" }, `: ${item.title}`)),
  );
  return form;
}

function due(item) {
  if (!item.due) return ["–"];
  return [element("time", { datetime: item.due }, `${dates.format(new Date(item.due))} UTC`)];
}

function row(item) {
  const late = item.due && new Date(item.due) < new Date();
  const cell = (label, ...children) => element("td", { role: "cell", "data-label": label }, ...children);
  return element(
    "tr", { role: "row", "data-item": item.id, "data-due": item.due ?? "", "data-created": item.created_at, class: late ? "c-late c-new" : "c-new" },
    cell("Waiting for", element("a", { href: item.data.href ?? `/desk/cases/${item.case_id}` }, item.title)),
    cell("Due", ...due(item)),
    cell("Who has it", item.claimed_name ?? "Nobody yet"),
    element("td", { role: "cell" }, button(item)),
  );
}

const order = (made) => [made.dataset.due ? 0 : 1, Date.parse(made.dataset.due) || 0, Date.parse(made.dataset.created)];
const before = (a, b) => order(a).map((part, i) => part - order(b)[i]).find((difference) => difference !== 0) < 0;

function place(made) {
  const next = [...rows.children].find((other) => before(made, other));
  rows.insertBefore(made, next ?? null);
}

function apply(item) {
  const old = rows.querySelector(`[data-item="${item.id}"]`);
  const focused = old?.contains(document.activeElement) ? document.activeElement.tagName : null;
  old?.remove();
  if (item.state !== "done") {
    const made = row(item);
    place(made);
    if (focused) made.querySelector(focused.toLowerCase())?.focus();
    setTimeout(() => made.classList.remove("c-new"), 1500);
  }
  if (!old && item.state === "open") news.textContent = `New: ${item.title}`;
  else if (old && item.state === "claimed" && item.claimed_by !== me) news.textContent = `${item.claimed_name} took ${item.title}`;
  count.firstElementChild.textContent = rows.children.length;
  empty.hidden = rows.children.length > 0;
}

const changes = new EventSource(`${api}/changes?after=${encodeURIComponent(cursor)}`);
const say = (text, lost) => {
  live.hidden = false;
  live.classList.toggle("c-queue__live--lost", lost);
  live.querySelector("[data-live-text]").textContent = text;
};
changes.addEventListener("open", () => say("Live", false));
changes.addEventListener("error", () => say("Connecting again…", true));
changes.addEventListener("item", (event) => apply(JSON.parse(event.data)));
addEventListener("pagehide", () => changes.close());
