// Keeps what is being typed into a form until the server has it, for this tab alone: a page that is reloaded, left by
// mistake or sent without a connection comes back as it was. Once any other page of the form is shown, the answer has
// been kept by the server, and nothing of it stays here. Every page works without this.
const PREFIX = "consilium-typing:";
const here = PREFIX + location.pathname;
const form = document.querySelector("form[data-keep]");

for (const key of Object.keys(sessionStorage)) {
  if (key.startsWith(PREFIX) && (!form || key !== here)) sessionStorage.removeItem(key);
}

const item = form?.elements._item?.value;
const fields = () => [...form.elements].filter((field) => field.name && !field.name.startsWith("_") && field.type !== "hidden");
const picked = (field) => ["checkbox", "radio"].includes(field.type);

function remember() {
  const typed = fields().map((field) => [field.name, field.value, picked(field) ? field.checked : true]);
  sessionStorage.setItem(here, JSON.stringify({ item, typed }));
}

function recall() {
  const { item: entry, typed = [] } = JSON.parse(sessionStorage.getItem(here) ?? "{}");
  if (entry && form.querySelector(`[value="remove:${entry}"]`)) return sessionStorage.removeItem(here); // added already
  for (const [name, value, on] of typed) {
    for (const field of fields().filter((one) => one.name === name)) {
      if (!picked(field)) field.value = value;
      else if (field.value === value) field.checked = on;
    }
  }
}

function warn() {
  const said = form.querySelector("[data-offline-note]") ?? form.insertBefore(document.createElement("p"), form.firstChild);
  said.dataset.offlineNote = "";
  said.className = "nhsuk-inset-text";
  said.setAttribute("role", "alert");
  said.tabIndex = -1;
  said.textContent = form.dataset.offline;
  said.focus();
}

if (form) {
  if (document.querySelector(".nhsuk-error-summary, #phone-check")) sessionStorage.removeItem(here);
  else recall();
  form.addEventListener("input", remember);
  form.addEventListener("submit", (event) => {
    remember();
    if (navigator.onLine) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    warn();
  }, true);
}
