// Everything here makes a page nicer; every page works without it.
import { initAll } from "./nhsuk.js";

document.body.classList.add("nhsuk-frontend-supported"); // a module runs before supported.js hears that the page is read
initAll();
// What is said about somebody's choice must not stand when the next choice got no answer: the reason takes its place.
document.addEventListener("htmx:beforeSwap", ({ detail }) => { if (detail.isError && detail.target.ariaLive) detail.shouldSwap = true; });
document.addEventListener("htmx:afterSwap", (event) => initAll({ scope: event.detail.target }));

// What waits on this device to be sent is thrown away after a day, also when nobody opens the page that sends it.
globalThis.indexedDB?.databases?.().then((all) => all.some((one) => one.name === "consilium-uploads") && import("./shelf.js"))
  .then((found) => found && found.shelf.fresh()).catch(() => {});
