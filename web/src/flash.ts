import { useSyncExternalStore } from "react";
import type { FlashbarProps } from "@cloudscape-design/components";

type Item = FlashbarProps.MessageDefinition & { path: string };

let items: Item[] = [];
const listeners = new Set<() => void>();
let count = 0;

function set(next: Item[]) {
  items = next;
  for (const listener of listeners) listener();
}

// flash shows a message at the top until the page is left. Where the caller
// goes to another page, it must do so first.
export function flash(message: Omit<FlashbarProps.MessageDefinition, "id">) {
  const id = String(++count);
  const dismiss = () => set(items.filter((i) => i.id !== id));
  // The newest stands on top; one success says enough.
  set([{ ...message, id, dismissible: true, dismissLabel: "Dismiss", onDismiss: dismiss, path: location.hash.split("?")[0] }, ...items.filter((i) => i.type !== "success" || message.type !== "success")]);
}

export const flashed = (content: string) => flash({ type: "success", content });

window.addEventListener("hashchange", () => {
  const path = location.hash.split("?")[0];
  if (items.some((i) => i.path !== path)) set(items.filter((i) => i.path === path));
});

export function useFlashes() {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => items,
  );
}
