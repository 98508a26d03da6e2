/** The chart's colours, read from the page's own custom properties so that both themes stay in one place: the CSS. */

import { ColorType, type ChartOptions, type DeepPartial } from "lightweight-charts";

export interface Palette {
  text: string;
  grid: string;
  border: string;
  up: string;
  down: string;
  upSoft: string;
  downSoft: string;
  upFaint: string;
  downFaint: string;
  crosshair: string;
  accent: string;
  mark: string;
}

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  return {
    text: colour("--text-soft"),
    grid: colour("--grid"),
    border: colour("--line"),
    up: colour("--up"),
    down: colour("--down"),
    upSoft: colour("--up-soft"),
    downSoft: colour("--down-soft"),
    upFaint: colour("--up-faint"),
    downFaint: colour("--down-faint"),
    crosshair: colour("--text-faint"),
    accent: colour("--accent"),
    mark: colour("--mark"),
  };
}

export function chartOptions(palette: Palette): DeepPartial<ChartOptions> {
  return {
    layout: {
      background: { type: ColorType.Solid, color: "transparent" },
      textColor: palette.text,
      fontSize: 11,
      fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
      attributionLogo: true,
    },
    grid: { vertLines: { color: palette.grid }, horzLines: { color: palette.grid } },
    crosshair: {
      vertLine: { color: palette.crosshair, labelBackgroundColor: palette.accent },
      horzLine: { color: palette.crosshair, labelBackgroundColor: palette.accent },
    },
    rightPriceScale: { borderColor: palette.border },
    timeScale: { borderColor: palette.border },
  };
}
