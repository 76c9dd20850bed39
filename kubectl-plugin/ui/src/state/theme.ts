// Light or dark: as the system says, or as somebody chose on this device.

import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const KEY = "theme";

function kept(): Theme {
  try {
    const text = localStorage.getItem(KEY);
    return text === "light" || text === "dark" ? text : "system";
  } catch {
    return "system";
  }
}

export const theme = signal<Theme>(kept());
/** Counts changes of what is drawn in which colours. */
export const colours = signal(0);

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = signal(systemIsDark.matches);
systemIsDark.addEventListener("change", () => (isDark.value = systemIsDark.matches));

effect(() => {
  const chosen = theme.value;
  document.documentElement.dataset.theme = chosen === "system" ? (isDark.value ? "dark" : "light") : chosen;
  try {
    if (chosen === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, chosen);
  } catch {
    // Then it holds for this page only.
  }
  colours.value = colours.peek() + 1;
});
