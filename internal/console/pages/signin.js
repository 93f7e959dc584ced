// What the sign-in pages gain from JavaScript; they work without it.
"use strict";
// The page of the app that was asked for first is behind the #: forms keep it.
for (const form of document.forms) {
  if (location.hash) form.action += location.hash;
}
for (const link of document.links) {
  if (location.hash) link.href += location.hash;
}
const show = document.getElementById("show");
if (show) {
  show.hidden = false;
  document.getElementById("show-text").hidden = false;
  show.addEventListener("change", () => {
    document.getElementById("password").type = show.checked ? "text" : "password";
  });
}
