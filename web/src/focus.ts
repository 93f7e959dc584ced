// keepFocus brings the focus to the page's heading where what had it is gone: a
// deleted row, a page that was left. Who uses the keyboard or hears the page goes
// on from there, not from nowhere.
export function keepFocus() {
  let last: Element | null = null;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const lost = () => document.activeElement === document.body && last !== null && !last.isConnected;
  const mend = () => {
    const heading = document.querySelector<HTMLElement>("main h1, main h2");
    if (!lost() || !heading) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  };
  document.addEventListener("focusin", (e) => (last = e.target as Element));
  new MutationObserver(() => {
    if (!lost()) return;
    clearTimeout(waiting);
    waiting = setTimeout(mend, 100); // a dialog that closes gives the focus back itself
  }).observe(document.body, { childList: true, subtree: true });
}
