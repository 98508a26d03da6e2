/** The account's worth over time against what it started with, drawn. */

import {
  BaselineSeries,
  createChart,
  type AutoscaleInfo,
  type IChartApi,
  type ISeriesApi,
  type UTCTimestamp,
} from "lightweight-charts";
import type { SeriesView } from "./follower";
import { chartOptions, readPalette } from "./palette";
import type { EquityValue } from "./series";

const dollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", maximumFractionDigits: 0 });
/** The least height of the scale, as a share of the value: cents must not look like cliffs. */
const LEAST_RANGE = 0.01;

function widened(info: AutoscaleInfo | null): AutoscaleInfo | null {
  const range = info?.priceRange;
  if (!info || !range) return info;
  const middle = (range.minValue + range.maxValue) / 2;
  const half = Math.max(range.maxValue - range.minValue, Math.abs(middle) * LEAST_RANGE) / 2;
  return { ...info, priceRange: { minValue: middle - half, maxValue: middle + half } };
}

const at = (seconds: number): UTCTimestamp => seconds as UTCTimestamp;

export class EquityView implements SeriesView<EquityValue> {
  private readonly chart: IChartApi;
  private readonly series: ISeriesApi<"Baseline">;

  constructor(element: HTMLElement) {
    const palette = readPalette();
    this.chart = createChart(element, {
      autoSize: true,
      ...chartOptions(palette),
      handleScroll: false,
      handleScale: false,
      localization: { priceFormatter: (value: number) => dollars.format(value) },
    });
    this.chart.applyOptions({
      grid: { vertLines: { visible: false } },
      rightPriceScale: { scaleMargins: { top: 0.22, bottom: 0.1 } },
      timeScale: { fixLeftEdge: true, fixRightEdge: true, minBarSpacing: 0.01 },
    });
    this.series = this.chart.addSeries(BaselineSeries, {
      lineWidth: 2,
      priceLineVisible: false,
      autoscaleInfoProvider: (original: () => AutoscaleInfo | null) => widened(original()),
    });
    this.recolour();
  }

  replace(points: readonly EquityValue[]): void {
    this.series.setData(points.map((point) => ({ ...point, time: at(point.time) })));
    this.chart.timeScale().fitContent();
  }

  append(point: EquityValue): void {
    this.series.update({ ...point, time: at(point.time) });
    this.chart.timeScale().fitContent();
  }

  startFrom(startingCash: number): void {
    this.series.applyOptions({ baseValue: { type: "price", price: startingCash } });
  }

  recolour(): void {
    const palette = readPalette();
    this.chart.applyOptions(chartOptions(palette));
    this.series.applyOptions({
      topLineColor: palette.up,
      topFillColor1: palette.upSoft,
      topFillColor2: palette.upFaint,
      bottomLineColor: palette.down,
      bottomFillColor1: palette.downFaint,
      bottomFillColor2: palette.downSoft,
    });
  }

  dispose(): void {
    this.chart.remove();
  }
}
