/** Candles, volume and the account's fills, drawn. */

import {
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  HistogramSeries,
  type IChartApi,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import type { CorporateAction } from "../api/types";
import type { Fill } from "../state/terminal";
import { actionMarks, type ActionMark } from "./actions";
import type { SeriesView } from "./follower";
import { chartOptions, readPalette, type Palette } from "./palette";
import { chartTime, fillMarks, type Candle, type FillMark } from "./series";

const FIRST_VISIBLE = 110;
const ROOM_RIGHT = 4;
/** Above this many marks the quantities would cover the candles. */
const LABELLED_MARKS = 40;
/** This close to the left end, older bars are asked for. */
const NEAR_LEFT_END = 15;

const at = (seconds: number): UTCTimestamp => seconds as UTCTimestamp;

export interface PriceViewEvents {
  /** The candle under the crosshair, or null when it left. */
  onHover(candle: Candle | null): void;
  onNearLeftEnd(): void;
  /** The last candle drawn. */
  onLast(candle: Candle | null): void;
}

export class PriceView implements SeriesView<Candle> {
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<"Candlestick">;
  private readonly volume: ISeriesApi<"Histogram">;
  private readonly markers: ISeriesMarkersPluginApi<Time>;
  private readonly events: PriceViewEvents;
  private palette: Palette = readPalette();
  private bars: Candle[] = [];
  private fills: readonly Fill[] = [];
  private actions: readonly CorporateAction[] = [];
  private framed = false;

  constructor(element: HTMLElement, events: PriceViewEvents) {
    this.events = events;
    this.chart = createChart(element, { autoSize: true, ...chartOptions(this.palette) });
    this.chart.applyOptions({ timeScale: { rightOffset: ROOM_RIGHT, minBarSpacing: 1 } });
    this.candles = this.chart.addSeries(CandlestickSeries, { priceLineVisible: true });
    this.candles.priceScale().applyOptions({ scaleMargins: { top: 0.1, bottom: 0.24 } });
    this.volume = this.chart.addSeries(HistogramSeries, {
      priceScaleId: "volume",
      priceFormat: { type: "volume" },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.markers = createSeriesMarkers(this.candles, []);
    this.applyColours();
    this.chart.subscribeCrosshairMove((move) => {
      const index = move.logical === undefined || move.point === undefined ? -1 : Math.round(move.logical);
      this.events.onHover(this.bars[index] ?? null);
    });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range !== null && this.framed && range.from < NEAR_LEFT_END) this.events.onNearLeftEnd();
    });
  }

  /** Forgets what is drawn: another instrument comes. */
  clear(): void {
    this.framed = false;
    this.fills = [];
    this.actions = [];
    this.replace([]);
  }

  replace(points: readonly Candle[]): void {
    this.bars = [...points];
    this.candles.setData(this.bars.map((bar) => ({ ...bar, time: at(bar.time) })));
    this.volume.setData(this.bars.map((bar) => this.volumeBar(bar)));
    this.drawMarks();
    if (!this.framed && this.bars.length > 0) {
      const end = this.bars.length + ROOM_RIGHT;
      this.chart.timeScale().setVisibleLogicalRange({ from: Math.max(-2, end - FIRST_VISIBLE), to: end });
      this.framed = true;
    }
    this.events.onLast(this.bars.at(-1) ?? null);
  }

  append(bar: Candle): void {
    const before = this.bars.at(-1)?.time ?? 0;
    if (before === bar.time) this.bars[this.bars.length - 1] = bar;
    else this.bars.push(bar);
    this.candles.update({ ...bar, time: at(bar.time) });
    this.volume.update(this.volumeBar(bar));
    // Fills and actions are often told before the bar they happened in.
    const lastTold = [this.fills.at(-1), this.actions.at(-1)];
    if (lastTold.some((told) => told !== undefined && chartTime(told.time) > before)) this.drawMarks();
    this.events.onLast(bar);
  }

  showFills(fills: readonly Fill[]): void {
    this.fills = fills;
    this.drawMarks();
  }

  /** Oldest first. */
  showActions(actions: readonly CorporateAction[]): void {
    this.actions = actions;
    this.drawMarks();
  }

  recolour(): void {
    this.palette = readPalette();
    this.chart.applyOptions(chartOptions(this.palette));
    this.applyColours();
    this.volume.setData(this.bars.map((bar) => this.volumeBar(bar)));
    this.drawMarks();
  }

  dispose(): void {
    this.chart.remove();
  }

  private applyColours(): void {
    const { up, down } = this.palette;
    this.candles.applyOptions({
      upColor: up,
      downColor: down,
      borderUpColor: up,
      borderDownColor: down,
      wickUpColor: up,
      wickDownColor: down,
    });
  }

  private volumeBar(bar: Candle): { time: UTCTimestamp; value: number; color: string } {
    const colour = bar.close >= bar.open ? this.palette.upSoft : this.palette.downSoft;
    return { time: at(bar.time), value: bar.volume, color: colour };
  }

  private drawMarks(): void {
    const times = this.bars.map((bar) => bar.time);
    const fills = fillMarks(this.fills, times);
    const actions = actionMarks(this.actions, times);
    const drawn = [
      ...fills.map((mark) => this.fillMarker(mark, fills.length <= LABELLED_MARKS)),
      ...actions.map((mark) => this.actionMarker(mark, actions.length <= LABELLED_MARKS)),
    ];
    this.markers.setMarkers(drawn.sort((a, b) => Number(a.time) - Number(b.time)));
  }

  private actionMarker(mark: ActionMark, labelled: boolean): SeriesMarker<Time> {
    const split = mark.kind === "split";
    const shape: SeriesMarker<Time> = {
      time: at(mark.time),
      position: "aboveBar",
      shape: split ? "square" : "circle",
      size: 0.6,
      color: split ? this.palette.accent : this.palette.text,
    };
    return labelled || split ? { ...shape, text: mark.label } : shape;
  }

  private fillMarker(mark: FillMark, labelled: boolean): SeriesMarker<Time> {
    const buy = mark.side === "buy";
    const shape: SeriesMarker<Time> = {
      time: at(mark.time),
      position: buy ? "belowBar" : "aboveBar",
      shape: buy ? "arrowUp" : "arrowDown",
      color: this.palette.mark,
    };
    return labelled ? { ...shape, text: mark.label } : shape;
  }
}
