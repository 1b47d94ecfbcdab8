// Everything here makes a page nicer; every page works without it.
import { initAll } from "./nhsuk.js";

document.body.classList.add("nhsuk-frontend-supported"); // a module runs before supported.js hears that the page is read
initAll();
document.addEventListener("htmx:afterSwap", (event) => initAll({ scope: event.detail.target }));
