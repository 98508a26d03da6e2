/** Light or dark: the system's choice until the reader makes one. */

import { createStore } from "./store";

export type Theme = "light" | "dark";

const THEME_KEY = "traderbot.theme";
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

function stored(): Theme | null {
  const value = localStorage.getItem(THEME_KEY);
  return value === "light" || value === "dark" ? value : null;
}

function effective(): Theme {
  return stored() ?? (systemDark.matches ? "dark" : "light");
}

export const themeStore = createStore<Theme>(effective());

function show(): void {
  const theme = effective();
  document.documentElement.dataset["theme"] = theme;
  themeStore.update(() => theme);
}

export function startTheme(): void {
  systemDark.addEventListener("change", show);
  show();
}

export function toggleTheme(): void {
  localStorage.setItem(THEME_KEY, themeStore.get() === "dark" ? "light" : "dark");
  show();
}
