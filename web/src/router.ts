import { useSyncExternalStore } from "react";

// Route is the part of the address behind the #, such as
// #/users/details/ann?section=tags.
export interface Route {
  path: string;
  parts: string[];
  query: URLSearchParams;
}

function parse(hash: string): Route {
  const [asked, query] = hash.replace(/^#\/?/, "").split("?", 2);
  const path = "/" + (asked || "home");
  return { path, parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query ?? "") };
}

const subscribe = (listener: () => void) => {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
};

export function useRoute(): Route {
  return parse(useSyncExternalStore(subscribe, () => location.hash));
}

export function go(path: string) {
  location.hash = path;
}

// at makes a link of parts, each quoted.
export const at = (...parts: string[]) => "#/" + parts.map(encodeURIComponent).join("/");
