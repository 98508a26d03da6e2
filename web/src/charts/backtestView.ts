/** The course of backtests, drawn: equity with its drawdown below, or the growth of several. */

import { AreaSeries, createChart, LineSeries, type IChartApi, type ISeriesApi, type UTCTimestamp } from "lightweight-charts";
import type { Point } from "../state/backtests";
import { chartOptions, readPalette, type Palette } from "./palette";

export interface Course {
  name: string;
  points: readonly Point[];
  /** In a pane of its own below, filled to zero, a fraction. */
  below?: boolean;
}

/** The lines of a comparison differ by colour and by dashes. */
const DASHES = [0, 2, 1, 3, 4] as const;

function colourOf(palette: Palette, index: number): string {
  return [palette.accent, palette.up, palette.down, palette.mark, palette.text][index % 5] ?? palette.accent;
}

const compact = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });
const share = (value: number): string => `${(value * 100).toFixed(1)}%`;

export class BacktestView {
  private readonly chart: IChartApi;
  private readonly drawn: { series: ISeriesApi<"Line"> | ISeriesApi<"Area">; below: boolean }[] = [];

  constructor(element: HTMLElement, courses: readonly Course[]) {
    this.chart = createChart(element, { autoSize: true, ...chartOptions(readPalette()) });
    this.chart.applyOptions({ grid: { vertLines: { visible: false } }, timeScale: { minBarSpacing: 0.01 } });
    courses.forEach((course, index) => {
      const below = course.below === true;
      const series = below
        ? this.chart.addSeries(AreaSeries, { invertFilledArea: true, priceFormat: { type: "custom", formatter: share } }, 1)
        : this.chart.addSeries(LineSeries, {
            lineStyle: DASHES[index % DASHES.length] ?? 0,
            priceFormat: { type: "custom", formatter: (value: number) => compact.format(value) },
          });
      series.applyOptions({ lineWidth: 2, priceLineVisible: false });
      series.setData(course.points.map((point) => ({ ...point, time: point.time as UTCTimestamp })));
      this.drawn.push({ series, below });
    });
    this.chart.panes()[1]?.setStretchFactor(0.4);
    this.chart.timeScale().fitContent();
    this.recolour();
  }

  recolour(): void {
    const palette = readPalette();
    this.chart.applyOptions(chartOptions(palette));
    this.drawn.forEach(({ series, below }, index) => {
      if (below) series.applyOptions({ lineColor: palette.down, topColor: palette.downSoft, bottomColor: palette.downFaint });
      else series.applyOptions({ color: colourOf(palette, index) });
    });
  }

  dispose(): void {
    this.chart.remove();
  }
}
