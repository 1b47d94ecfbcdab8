// Sends files by tus, piece by piece: what arrived stays, whatever happens to the line, the page or the server. The form
// around it sends files without this script too. Which files are half here is asked of the server, so nothing about
// them is written down on this device but the files themselves, until they are sent (a day at most).
import { DIGESTED, digest, vouch } from "./digests.js";
import { shelf } from "./shelf.js";
import "./tus.js";

const { Upload } = globalThis.tus;
const words = JSON.parse(document.getElementById("upload-words").textContent);
const SIDE_BY_SIDE = 3;
const PIECE = 5 * 1024 * 1024;
const ROWS = 60; // a CD has thousands of files: only some are drawn, all are counted
const KEPT = 400 * 1024 * 1024;
const NOTHING = { on_their_way: [], sent: [] };
const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const number = new Intl.NumberFormat(document.documentElement.lang);
const percent = (part, whole) => new Intl.NumberFormat(document.documentElement.lang, { style: "percent" }).format(whole ? part / whole : 1);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// After a while, or as soon as somebody is back at the page or the line is.
function soon() {
  return new Promise((done) => {
    const over = () => { clearTimeout(timer); for (const on of [window, document]) for (const name of ["online", "focus", "visibilitychange"]) on.removeEventListener(name, over); done(); };
    const timer = setTimeout(over, 10000);
    for (const on of [window, document]) for (const name of ["online", "focus", "visibilitychange"]) on.addEventListener(name, over);
  });
}

// --- one item's files -------------------------------------------------------------------------------------------------

class Sender {
  constructor(form) {
    this.form = form;
    this.api = form.dataset.uploads;
    this.item = form.dataset.item;
    this.entries = [];
    this.running = new Set();
    this.ended = new Set();
    this.input = form.querySelector("input[type=file]");
    this.folder = this.input.cloneNode();
    Object.assign(this.folder, { id: `${this.input.id}-folder`, webkitdirectory: true, required: false, name: "" });
    this.input.required = false;
    const group = element("div", { class: "nhsuk-form-group" },
      element("label", { class: "nhsuk-label", for: this.folder.id }, words.folder), this.folder);
    if ("webkitdirectory" in this.input) this.input.closest(".nhsuk-form-group").after(group);
    this.total = element("p", { class: "c-uploads__total", role: "status" });
    this.bar = element("progress", { class: "c-uploads__bar", max: 1, value: 0, "aria-label": words.all });
    this.list = element("ul", { class: "c-uploads", tabindex: "0", "aria-label": words.all });
    this.box = element("div", { class: "c-uploads__box", hidden: "" }, this.total, this.bar, this.list);
    form.append(this.box);
    form.addEventListener("submit", (event) => this.chosen(event));
    for (const input of [this.input, this.folder]) input.addEventListener("change", () => input.files.length && this.add([...input.files]));
    addEventListener("online", () => this.go());
    addEventListener("offline", () => this.draw());
    this.recall();
  }

  chosen(event) {
    event.preventDefault();
    if (!this.entries.length) { this.input.focus(); this.tell(words.choose); }
  }

  async recall() {
    const kept = (await shelf.fresh()).filter((one) => one.item === this.item && one.api === this.api);
    if (kept.length) return this.add(kept.map((one) => one.file), kept);
    const standing = await this.standing();
    const open = standing.on_their_way.filter((one) => one.received && one.size); // what came by the form can't be gone on with
    if (open.length) this.tell(say(words.unfinished, { count: number.format(open.length) }));
    if (standing.sent.some((one) => one.verdict === "waiting" && one.arrival !== "arriving")) this.watch();
  }

  // What the server knows of this line. Asked until there is an answer: without a line, or signed out, nothing is decided.
  async standing() {
    for (;;) {
      const answer = await fetch(`${this.api}/uploads?item=${this.item}`, { headers: { accept: "application/json" } }).catch(() => null);
      this.signedOut = answer?.status === 401;
      if (answer?.ok) return answer.json();
      if (answer && !this.signedOut && answer.status < 500 && answer.status !== 429) return NOTHING;
      this.draw();
      await soon();
    }
  }

  async add(files, kept) {
    this.input.value = this.folder.value = "";
    const several = !kept && this.form.dataset.kind === "imaging" && files.length > 1 && !files[0].webkitRelativePath;
    const few = several ? `${files[0].name} – ${files.at(-1).name}/` : "";
    const small = files.reduce((sum, file) => sum + file.size, 0) < KEPT;
    const chosen = files.map((file, place) => ({
      key: crypto.randomUUID(), path: file.webkitRelativePath || (few && few + file.name), ...kept?.[place], file, state: "chosen", sent: 0,
    }));
    this.entries.push(...chosen);
    this.draw();
    const known = await this.standing();
    const folders = new Map();
    for (const { path, folder } of chosen) if (path && folder) folders.set(top(path), folder);
    for (const { path } of chosen) if (path && !folders.has(top(path))) folders.set(top(path), (await this.joins(top(path), chosen, known)) ?? crypto.randomUUID());
    const usable = known.sent.filter((one) => !one.set_aside && ["waiting", "clean", "skipped"].includes(one.verdict));
    const there = { usable, digests: new Map(usable.map((one) => [one.sha256, one])) };
    const together = new Map();
    for (const { path } of chosen) together.set(top(path), (together.get(top(path)) ?? 0) + 1);
    for (const entry of chosen) {
      entry.folder = entry.path ? folders.get(top(entry.path)) : undefined;
      Object.assign(entry, { there, together: together.get(top(entry.path)) });
      entry.half = known.on_their_way.find((one) => alike(one, entry));
      entry.sent = entry.half?.received ?? 0;
      if (!kept && small) await shelf.put({ key: entry.key, file: entry.file, path: entry.path, folder: entry.folder, item: this.item, api: this.api, at: Date.now() });
      entry.state = "waits";
    }
    this.go();
  }

  // A folder that is chosen again goes on under its id when it isn't all here: some of its files are looked at to be sure.
  async joins(name, chosen, { on_their_way, sent }) {
    const open = sent.filter((one) => one.takes_more && one.name === name).map((one) => one.id);
    const paths = new Map(chosen.map((one) => [one.path, one]));
    const begun = on_their_way.filter((one) => one.folder && !sent.some((each) => each.id === one.folder)).map((one) => one.folder);
    for (const folder of new Set([...open, ...begun])) {
      if (this.entries.some((one) => one.folder === folder && one.state !== "chosen" && !over(one))) continue;
      let looked = 0;
      for (const there of [...sent, ...on_their_way].filter((one) => one.folder === folder)) {
        const mine = paths.get(there.path)?.file;
        if (mine?.size !== there.size) continue;
        if (!there.sha256 || mine.size > DIGESTED || there.sha256 === await digest(mine).catch(() => "")) return folder;
        if (++looked > 2) break;
      }
    }
    return undefined;
  }

  go() {
    for (const entry of this.entries) {
      if (this.running.size >= SIDE_BY_SIDE || this.signedOut) break;
      if (entry.state === "waits") this.send(entry);
    }
    this.draw();
    this.end();
    if (!this.running.size && this.entries.length && this.entries.every(over)) this.watch();
  }

  // Nothing more comes of a folder once each of its files is here or was refused: only then it is looked at as a whole.
  end() {
    for (const folder of new Set(this.entries.map((one) => one.folder))) {
      if (!folder || this.ended.has(folder) || !this.entries.filter((one) => one.folder === folder).every(over)) continue;
      this.ended.add(folder);
      fetch(`${this.api}/folders/${folder}/end`, { method: "PUT" }).catch(() => null).then((answer) => {
        if (answer?.ok || answer?.status === 404) return; // 404: each of its files was refused, so there is no folder
        this.ended.delete(folder);
        soon().then(() => this.wait());
      });
    }
  }

  async send(entry) {
    const { file } = entry;
    entry.state = "sending";
    this.running.add(entry);
    const ended = (state, sentence) => {
      Object.assign(entry, { state, sentence });
      this.running.delete(entry);
      if (state !== "waits") shelf.drop(entry.key);
      this.go();
    };
    let mine;
    try { mine = await digest(file); } catch { return ended("refused", words.failed); }
    const there = mine ? entry.there.digests.get(mine) : entry.there.usable.find((one) => one.folder && alike(one, entry));
    if (there) {
      Object.assign(entry, { id: there.id, sent: file.size });
      return ended("here");
    }
    const half = entry.half && !(mine && entry.half.sha256 && entry.half.sha256 !== mine) ? `${this.api}/uploads/${entry.half.id}` : undefined;
    const told = { filename: file.name, ...(mine ? { sha256: mine } : {}), ...(entry.folder ? { folder: entry.folder, relativePath: entry.path, folderFiles: String(entry.together) } : {}) };
    const upload = new Upload(file, {
      endpoint: `${this.api}/items/${this.item}/uploads`, uploadUrl: entry.url ?? half, metadata: told, chunkSize: PIECE,
      uploadDataDuringCreation: true, storeFingerprintForResuming: false, headers: { "Idempotency-Key": entry.key },
      retryDelays: [0, 1000, 2000, 4000, ...Array(500).fill(8000)],
      onBeforeRequest: (request) => vouch(request, file, PIECE).catch(() => { entry.unreadable = true; throw new Error(words.failed); }),
      onShouldRetry: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        return !entry.unreadable && (!status || status >= 500 || [408, 409, 423, 429, 460].includes(status));
      },
      onProgress: (sent) => { entry.sent = sent; this.draw(); },
      onSuccess: () => { entry.sent = file.size; entry.id = upload.url.split("/").pop(); ended("here"); },
      onError: (error) => {
        if (error.originalResponse?.getStatus() !== 401) return ended("refused", refusal(error));
        entry.url = upload.url ?? undefined;
        this.signedOut = true;
        ended("waits");
        this.wait();
      },
    });
    entry.upload = upload;
    upload.start();
  }

  // Signed out in the middle, or without a line: what waits is kept until somebody signed in again, in this tab or another.
  async wait() {
    if (this.waiting) return;
    this.waiting = true;
    await this.standing();
    this.waiting = false;
    this.go();
  }

  // --- what is seen ---------------------------------------------------------------------------------------------------

  tell(text) {
    this.box.hidden = false;
    this.total.textContent = text;
  }

  draw() {
    this.drawing ??= requestAnimationFrame(() => { this.drawing = undefined; this.drawNow(); });
  }

  drawNow() {
    const { entries } = this;
    if (!entries.length) return;
    const sum = (of) => entries.reduce((total, one) => total + of(one), 0);
    const [sent, size] = [sum((one) => (one.state === "refused" ? one.file.size : one.sent)), sum((one) => one.file.size)];
    const [here, refused] = ["here", "refused"].map((state) => entries.filter((one) => one.state === state).length);
    this.bar.value = size ? sent / size : 1;
    const counted = { done: number.format(here), count: number.format(entries.length), percent: percent(sent, size) };
    this.tell(this.signedOut ? words.signed_out : navigator.onLine || entries.every(over) ? say(words.progress, counted) : words.offline);
    const rank = (one) => ["refused", "sending", "here", "waits", "chosen"].indexOf(one.state);
    const shown = [...entries].sort((a, b) => rank(a) - rank(b)).slice(0, ROWS);
    for (const one of shown) this.row(one);
    this.list.replaceChildren(...shown.map((one) => one.row));
  }

  row(one) {
    one.row ??= element("li", { class: "c-uploads__one" }, element("bdi", {}, one.path || one.file.name), element("span", { class: "c-uploads__state" }));
    const state = one.row.lastChild;
    const text = { chosen: words.waits, waits: words.waits, sending: percent(one.sent, one.file.size), here: one.verdict ?? words.here, refused: one.sentence }[one.state];
    if (state.textContent !== text) state.textContent = text;
    one.row.dataset.state = one.bad ? "refused" : one.state;
  }

  async watch() {
    if (this.watching) return;
    this.watching = true;
    for (let pause = 1000; ; pause = Math.min(pause * 1.3, 8000)) {
      const { sent } = await this.standing();
      for (const one of sent) {
        const entry = this.entries.find((each) => each.id === one.id);
        if (entry) Object.assign(entry, { verdict: one.sentence ?? words[one.verdict], bad: Boolean(one.sentence) });
      }
      this.draw();
      await this.refresh();
      if (sent.length && !sent.some((one) => one.verdict === "waiting" && (one.arrival !== "arriving" || this.ended.has(one.id)))) break;
      await new Promise((done) => setTimeout(done, pause + 2 * sent.length)); // a long list is asked for less often
    }
    this.watching = false;
  }

  // What came, where its line stands and what may be decided are the server's: the page is read again, and its parts put in place.
  async refresh() {
    const answer = await fetch(location.pathname, { headers: { accept: "text/html" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    let before;
    for (const fresh of page.querySelectorAll("[data-part]")) before = renew(fresh, before);
  }
}

// Puts a part as the server has it in the place of the same part here, or behind the one before it. A part that somebody works in
// stays; where it shows what the server has, its forms are sent as of now.
function renew(fresh, before) {
  const here = document.querySelector(`[data-part="${fresh.dataset.part}"]`);
  if (here && said(here) === said(fresh) && versions(here).join() === versions(fresh).join()) return here;
  if (here && touched(here)) {
    if (said(here) === said(fresh)) here.querySelectorAll("[name=_version]").forEach((field, place) => { field.value = versions(fresh)[place]; });
    return here;
  }
  const [was, now] = [here, fresh].map((part) => [...(part?.querySelectorAll("details") ?? [])]);
  if (was.length === now.length) now.forEach((one, place) => { one.open = was[place].open; });
  const put = document.adoptNode(fresh);
  if (here) here.replaceWith(put);
  else before?.after(put);
  return here || before ? put : undefined;
}

const said = (part) => part.textContent;
const versions = (part) => [...part.querySelectorAll("[name=_version]")].map((field) => field.value);
const touched = (part) => part.contains(document.activeElement) || [...part.querySelectorAll("input, select, textarea")].some(changed);

function changed(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.tagName === "SELECT") return field.selectedIndex !== Math.max(0, [...field.options].findIndex((one) => one.defaultSelected));
  return field.type !== "hidden" && field.value !== field.defaultValue;
}

const over = (one) => one.state === "here" || one.state === "refused";
const top = (path) => path.split("/")[0];
// Where it lies, what it is called and how long it is: for files that no digest tells apart.
const alike = (one, { file, path, folder }) => one.size === file.size && (folder ? one.folder === folder && one.path === path : !one.folder && one.name === file.name);

function refusal(error) {
  try {
    return JSON.parse(error.originalResponse.getBody()).detail ?? words.failed;
  } catch { return words.failed; }
}

// Without TLS a browser makes no digests: the form sends the files then.
if (globalThis.crypto?.subtle) for (const form of document.querySelectorAll("form[data-uploads]")) new Sender(form);
