// Moves through a series of images by keys, wheel and slider. Pictures come from the server as they are needed, the
// neighbours ahead of time; without this file the page's links and form do the same, one page a picture.
const figure = document.querySelector("[data-stack]");
const frame = figure.querySelector(".c-stack__picture");
const where = figure.querySelector("output");
const slider = document.getElementById("stack-image");
const choice = document.getElementById("stack-window");
const { at, said, broken } = figure.dataset;
const count = Number(figure.dataset.count);
const KEPT = 400;
const AHEAD = 6;

let number = Number(figure.dataset.first);
let pictures = [];
let shown = frame.querySelector("img");
let direction = 1;
const kept = new Map();

document.querySelector("[data-stack-show]").hidden = true;
document.querySelector(".c-stack__steps").hidden = true;

function picture(n) {
  const { document: id, frame: part } = pictures[n - 1];
  const src = `${at}/images/${id}/frames/${part}?window=${encodeURIComponent(choice.value)}`;
  let image = kept.get(src);
  if (!image) {
    image = Object.assign(new Image(), { src, width: 512, height: 512, decoding: "async" });
    if (kept.size >= KEPT) kept.delete(kept.keys().next().value);
  }
  kept.delete(src);
  kept.set(src, image); // the last looked at is dropped last
  return image;
}

async function show(n) {
  number = Math.min(Math.max(n, 1), count);
  const wanted = number;
  slider.value = wanted;
  where.textContent = said.replace("{number}", wanted);
  const image = picture(wanted);
  image.alt = where.textContent;
  try {
    await image.decode();
  } catch {
    if (wanted === number) where.textContent += ` – ${broken}`;
    return;
  }
  if (wanted !== number) return; // the reader has gone on
  shown.replaceWith(image);
  shown = image;
  figure.dataset.shown = wanted;
  for (let step = 1; step <= AHEAD; step++) {
    const next = wanted + step * direction;
    if (next >= 1 && next <= count) picture(next);
  }
}

function move(by) {
  direction = Math.sign(by) || 1;
  show(number + by);
}

const KEYS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -count, End: count };
frame.addEventListener("keydown", (event) => {
  const sideways = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const by = KEYS[event.key] ?? (sideways && (document.dir === "rtl" ? -sideways : sideways));
  if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  move(by);
});
frame.addEventListener("wheel", (event) => {
  if (event.ctrlKey) return;
  event.preventDefault();
  move(Math.sign(event.deltaY));
}, { passive: false });
slider.addEventListener("input", () => {
  direction = Number(slider.value) >= number ? 1 : -1;
  show(Number(slider.value));
});
choice.addEventListener("change", () => show(number));
choice.form.addEventListener("submit", (event) => {
  event.preventDefault();
  show(Number(slider.value));
});

const answer = await fetch(figure.dataset.list, { headers: { accept: "application/json" } });
for (const one of (await answer.json()).images)
  for (let part = 1; part <= one.frames; part++) pictures.push({ document: one.document_id, frame: part });
figure.dataset.ready = "";
show(number);
