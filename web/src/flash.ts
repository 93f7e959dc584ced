import { useSyncExternalStore } from "react";
import type { FlashbarProps } from "@cloudscape-design/components";

type Item = FlashbarProps.MessageDefinition & { path?: string };

type Message = Omit<FlashbarProps.MessageDefinition, "id"> & { lasting?: boolean };

let items: Item[] = [];
const listeners = new Set<() => void>();
let count = 0;

function set(next: Item[]) {
  items = next;
  for (const listener of listeners) listener();
}

// flash shows a message at the top until the page is left, or a lasting one until
// it is dismissed. Where the caller goes to another page, it must do so first.
export function flash({ lasting, ...message }: Message): string {
  const id = String(++count);
  const dismiss = () => unflash(id);
  // The newest stands on top; one success says enough.
  set([{ ...message, id, dismissible: true, dismissLabel: "Dismiss", onDismiss: dismiss, path: lasting ? undefined : location.hash.split("?")[0] }, ...items.filter((i) => i.type !== "success" || message.type !== "success")]);
  return id;
}

// unflash takes a message away.
export const unflash = (id: string) => set(items.filter((i) => i.id !== id));

export const flashed = (content: string) => flash({ type: "success", content });

window.addEventListener("hashchange", () => {
  const path = location.hash.split("?")[0];
  const left = (i: Item) => i.path !== undefined && i.path !== path;
  if (items.some(left)) set(items.filter((i) => !left(i)));
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
