import { applyMode, Mode } from "@cloudscape-design/global-styles";

export type ModeChoice = "system" | "light" | "dark";

const key = "sallyport-mode"; // nothing secret is ever stored
const system = matchMedia("(prefers-color-scheme: dark)");

export function modeChoice(): ModeChoice {
  const stored = localStorage.getItem(key);
  return stored === "light" || stored === "dark" ? stored : "system";
}

export function chooseMode(choice: ModeChoice) {
  localStorage.setItem(key, choice);
  applyStoredMode();
}

export function applyStoredMode() {
  const choice = modeChoice();
  applyMode(choice === "dark" || (choice === "system" && system.matches) ? Mode.Dark : Mode.Light);
}

system.addEventListener("change", applyStoredMode);
