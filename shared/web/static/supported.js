// Tells style sheets and nhsuk-frontend, before the page is drawn, that scripts run here.
document.documentElement.classList.add("c-js");
document.addEventListener("DOMContentLoaded", () => document.body.classList.add("js-enabled", "nhsuk-frontend-supported"));
