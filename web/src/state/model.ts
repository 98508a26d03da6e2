/** How good the model behind a signal was, in words. */

import type { ModelCard } from "../api/types";
import { share } from "./format";

/** Its accuracy beside that of always giving the usual answer; null when nobody measured it. */
export function trackRecord(model: Pick<ModelCard, "accuracy" | "accuracy_of_base_rate">): string | null {
  if (model.accuracy === null) return null;
  const own = `right ${share(model.accuracy)} of the time on data it had not seen`;
  const usual = model.accuracy_of_base_rate ?? null;
  return usual === null ? own : `${own}; always saying the usual: ${share(usual)}`;
}
