// Sends files by tus, piece by piece: what arrived stays, whatever happens to the line, the page or the server. The form
// around it sends files without this script too. Which files are half here is asked of the server, so nothing about
// them is written down on this device but the files themselves, until they are sent (a day at most).
import "./tus.js";

const { Upload } = globalThis.tus;
const words = JSON.parse(document.getElementById("upload-words").textContent);
const SIDE_BY_SIDE = 3;
const PIECE = 5 * 1024 * 1024;
const ROWS = 60; // a CD has thousands of files: only some are drawn, all are counted
const KEPT = 400 * 1024 * 1024;
const DAY = 86400000;
const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const number = new Intl.NumberFormat(document.documentElement.lang);
const percent = (part, whole) => new Intl.NumberFormat(document.documentElement.lang, { style: "percent" }).format(whole ? part / whole : 1);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// --- files that wait on this device, so that a reload need not ask for them again -------------------------------------

const shelf = {
  open: () => new Promise((done, failed) => {
    const asked = indexedDB.open("consilium-uploads", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("files", { keyPath: "key" });
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  }),
  async work(mode, act) {
    try {
      const base = await shelf.open();
      return await new Promise((done, failed) => {
        const step = base.transaction("files", mode);
        const asked = act(step.objectStore("files"));
        step.oncomplete = () => { base.close(); done(asked?.result); };
        step.onerror = step.onabort = () => { base.close(); failed(step.error); };
      });
    } catch { return undefined; } // a private window, or no room: the files are chosen again
  },
  all: async () => (await shelf.work("readonly", (files) => files.getAll())) ?? [],
  put: (entry) => shelf.work("readwrite", (files) => files.put(entry)),
  drop: (key) => shelf.work("readwrite", (files) => files.delete(key)),
};

// --- one item's files -------------------------------------------------------------------------------------------------

class Sender {
  constructor(form) {
    this.form = form;
    this.api = form.dataset.uploads;
    this.item = form.dataset.item;
    this.entries = [];
    this.running = new Set();
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
    const kept = (await shelf.all()).filter((one) => one.item === this.item && one.api === this.api);
    for (const old of kept.filter((one) => Date.now() - one.at > DAY)) shelf.drop(old.key);
    const fresh = kept.filter((one) => Date.now() - one.at <= DAY);
    if (fresh.length) return this.add(fresh.map((one) => one.file), fresh);
    const standing = await this.standing();
    const open = standing.on_their_way.filter((one) => one.item_id === this.item);
    if (open.length) this.tell(say(words.unfinished, { count: number.format(open.length) }));
    if (standing.sent.some((one) => one.item_id === this.item && one.verdict === "waiting")) this.watch();
  }

  async standing() {
    const answer = await fetch(`${this.api}/uploads`, { headers: { accept: "application/json" } }).catch(() => null);
    return answer?.ok ? answer.json() : { on_their_way: [], sent: [] };
  }

  async add(files, kept) {
    this.input.value = this.folder.value = "";
    const open = (await this.standing()).on_their_way.filter((one) => one.item_id === this.item);
    const folders = new Map();
    const small = files.reduce((sum, file) => sum + file.size, 0) < KEPT;
    for (const [place, file] of files.entries()) {
      const path = kept?.[place].path ?? file.webkitRelativePath ?? "";
      const known = open.find((one) => one.size === file.size && (one.folder ? one.path === path : !path && one.name === file.name));
      const top = path.split("/")[0];
      const folder = path ? known?.folder ?? kept?.[place].folder ?? folders.get(top) ?? crypto.randomUUID() : undefined;
      if (path) folders.set(top, folder);
      const key = kept?.[place].key ?? crypto.randomUUID();
      const entry = { key, file, path, folder, url: known && `${this.api}/uploads/${known.id}`, sent: known?.received ?? 0, state: "waits" };
      this.entries.push(entry);
      if (!kept && small) await shelf.put({ key, file, path, folder, item: this.item, api: this.api, at: Date.now() });
    }
    this.go();
  }

  go() {
    for (const entry of this.entries) {
      if (this.running.size >= SIDE_BY_SIDE) break;
      if (entry.state === "waits") this.send(entry);
    }
    this.draw();
    if (!this.running.size && this.entries.length && !this.entries.some((one) => one.state === "waits")) this.watch();
  }

  send(entry) {
    entry.state = "sending";
    this.running.add(entry);
    const ended = (state, sentence) => {
      Object.assign(entry, { state, sentence });
      this.running.delete(entry);
      shelf.drop(entry.key);
      this.go();
    };
    const told = { filename: entry.file.name, ...(entry.folder ? { folder: entry.folder, relativePath: entry.path } : {}) };
    const upload = new Upload(entry.file, {
      endpoint: `${this.api}/items/${this.item}/uploads`, uploadUrl: entry.url, metadata: told, chunkSize: PIECE,
      uploadDataDuringCreation: true, storeFingerprintForResuming: false, headers: { "Idempotency-Key": entry.key },
      retryDelays: [0, 1000, 2000, 4000, ...Array(500).fill(8000)],
      onShouldRetry: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        return !status || status >= 500 || [408, 409, 423, 429, 460].includes(status);
      },
      onProgress: (sent) => { entry.sent = sent; this.draw(); },
      onSuccess: () => { entry.sent = entry.file.size; entry.id = upload.url.split("/").pop(); ended("here"); },
      onError: (error) => ended("refused", refusal(error)),
    });
    entry.upload = upload;
    upload.start();
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
    this.tell(navigator.onLine || here + refused === entries.length ? say(words.progress, counted) : words.offline);
    const rank = (one) => ["refused", "sending", "here", "waits"].indexOf(one.state);
    const shown = [...entries].sort((a, b) => rank(a) - rank(b)).slice(0, ROWS);
    for (const one of shown) this.row(one);
    this.list.replaceChildren(...shown.map((one) => one.row));
  }

  row(one) {
    one.row ??= element("li", { class: "c-uploads__one" }, element("bdi", {}, one.path || one.file.name), element("span", { class: "c-uploads__state" }));
    const state = one.row.lastChild;
    const text = { waits: words.waits, sending: percent(one.sent, one.file.size), here: one.verdict ?? words.here, refused: one.sentence }[one.state];
    if (state.textContent !== text) state.textContent = text;
    one.row.dataset.state = one.bad ? "refused" : one.state;
  }

  async watch() {
    if (this.watching) return;
    this.watching = true;
    for (let pause = 1000; ; pause = Math.min(pause * 1.3, 8000)) {
      const { sent } = await this.standing();
      const mine = sent.filter((one) => one.item_id === this.item);
      for (const one of mine) {
        const entry = this.entries.find((each) => each.id === one.id);
        if (entry) Object.assign(entry, { verdict: one.sentence ?? words[one.verdict], bad: Boolean(one.sentence) });
      }
      this.draw();
      await this.refresh();
      if (mine.length && !mine.some((one) => one.verdict === "waiting")) break;
      await new Promise((done) => setTimeout(done, pause));
    }
    this.watching = false;
  }

  // The list of what came is the server's: the page is read again, and that part of it put in place.
  async refresh() {
    const place = document.querySelector(`[data-documents="${this.item}"]`);
    const answer = place && (await fetch(location.pathname, { headers: { accept: "text/html" } }).catch(() => null));
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector(`[data-documents="${this.item}"]`);
    if (fresh && fresh.textContent !== place.textContent && !place.contains(document.activeElement)) place.replaceWith(document.adoptNode(fresh));
  }
}

function refusal(error) {
  try {
    return JSON.parse(error.originalResponse.getBody()).detail ?? words.failed;
  } catch { return words.failed; }
}

for (const form of document.querySelectorAll("form[data-uploads]")) new Sender(form);
