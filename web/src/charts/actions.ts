/** Splits and dividends: where they show on the bars, and in which words. */

import type { CorporateAction } from "../api/types";
import { price } from "../state/format";
import { barOf, chartTime, type Point } from "./series";

export interface ActionMark extends Point {
  kind: CorporateAction["kind"];
  label: string;
}

/** What an action is about, without its kind: "2:1" or "0.18". */
function terms(action: CorporateAction): string {
  return action.kind === "split" ? `${action.new}:${action.old}` : price(action.amount);
}

/** As short as a mark on a bar: "S 2:1", "D 0.18". */
export function actionLabel(action: CorporateAction): string {
  return `${action.kind === "split" ? "S" : "D"} ${terms(action)}`;
}

/** For the legend: "Split 2:1", "Dividend 0.18 est.". */
export function actionWords(action: CorporateAction): string {
  const name = action.kind === "split" ? "Split" : "Dividend";
  return `${name} ${terms(action)}${action.estimated ? " est." : ""}`;
}

/** The actions of the bar at `time` (seconds). */
export function actionsOn(actions: readonly CorporateAction[], time: number): CorporateAction[] {
  return actions.filter((action) => chartTime(action.time) === time);
}

/** One mark an action, oldest first; those outside of the bars are left out. */
export function actionMarks(actions: readonly CorporateAction[], times: readonly number[]): ActionMark[] {
  const first = times[0];
  if (first === undefined) return [];
  return actions
    .filter((action) => chartTime(action.time) >= first)
    .flatMap((action) => {
      const time = barOf(times, chartTime(action.time));
      return time === undefined ? [] : [{ time, kind: action.kind, label: actionLabel(action) }];
    })
    .sort((a, b) => a.time - b.time);
}
