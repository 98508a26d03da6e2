import { useSelected } from "../state/store";
import { themeStore, toggleTheme } from "../state/theme";

export function ThemeToggle() {
  const theme = useSelected(themeStore, (value) => value);
  const other = theme === "dark" ? "light" : "dark";
  return (
    <button
      type="button"
      className="quiet icon"
      data-testid="theme-toggle"
      aria-label={`Switch to the ${other} theme`}
      title={`Switch to the ${other} theme`}
      onClick={toggleTheme}
    >
      <svg viewBox="0 0 16 16" width="15" height="15" aria-hidden="true">
        <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="1.5" />
        <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
      </svg>
    </button>
  );
}
