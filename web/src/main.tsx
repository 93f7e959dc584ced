import "@cloudscape-design/global-styles/index.css";
import "./console.css";
import I18nProvider from "@cloudscape-design/components/i18n";
import messages from "@cloudscape-design/components/i18n/messages/all.en";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { fetchSession } from "./session";
import { applyStoredMode } from "./mode";
import { installClipboard } from "./clipboard";

// Scripts come from this origin only, and no text becomes markup, but for the
// answers that the SDK parses as XML, which are never inserted anywhere.
const trustedTypes = (window as { trustedTypes?: { createPolicy(name: string, rules: object): void } }).trustedTypes;
trustedTypes?.createPolicy("default", {
  createHTML: (text: string, _type: string, sink: string) =>
    sink === "DOMParser parseFromString" || !/[<&]/.test(text) ? text : undefined,
  createScriptURL: (url: string) => (new URL(url, location.href).origin === location.origin ? url : undefined),
});

// A tab that is older than the server asks for files that are gone.
window.addEventListener("vite:preloadError", (event) => {
  event.preventDefault();
  location.reload();
});

installClipboard();
applyStoredMode();

const root = document.getElementById("app");
if (root) {
  const session = await fetchSession();
  if (session) {
    createRoot(root).render(
      <I18nProvider locale="en" messages={[messages]}>
        <App session={session} />
      </I18nProvider>,
    );
  }
}
