// Everything here makes a page nicer; every page works without it.
import { initAll } from "./nhsuk.js";

initAll();
document.addEventListener("htmx:afterSwap", (event) => initAll({ scope: event.detail.target }));
