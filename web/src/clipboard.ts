// installClipboard gives pages on plain http, where browsers have no clipboard
// for scripts, one that copies by way of a hidden text area.
export function installClipboard() {
  if (navigator.clipboard) return;
  const writeText = async (text: string) => {
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("aria-hidden", "true");
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("copying is not possible here");
  };
  Object.defineProperty(navigator, "clipboard", { value: { writeText } });
}
