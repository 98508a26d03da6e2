import { useCallback } from "react";
import { useAnswer } from "../state/answer";
import { useTerminal } from "../state/context";
import { figure, share } from "../state/format";
import { Bars } from "./Bars";
import { Reasons } from "./OwnShocks";
import { Empty, Notice, Panel } from "./parts";

/** How the holdings go with the factors of Fama and French, with the 95% interval of each. */
export function FactorsPanel() {
  const { api } = useTerminal();
  const { answer, failure, busy } = useAnswer(useCallback(() => api.riskFactors(), [api]));
  return (
    <Panel
      title="Factors"
      area="factors"
      busy={busy}
      tools={
        answer !== null &&
        answer.r_squared !== null && (
          <span className="soft num">
            {answer.first} to {answer.last}, {share(answer.r_squared)} explained
          </span>
        )
      }
    >
      <div className="page-body" data-testid="factors">
        {failure !== null && <Notice tone="bad">{failure}</Notice>}
        {answer !== null && answer.coefficients.length === 0 && <Empty>The factors are not measured.</Empty>}
        {answer !== null && answer.coefficients.length > 0 && (
          <Bars
            label="Exposure"
            headings={["Of equity", "95% interval"]}
            bars={answer.coefficients
              .filter((one) => one.name !== "alpha")
              .map((one) => ({
                name: one.name,
                value: one.value,
                figures: [figure(one.value), `${figure(one.low)} to ${figure(one.high)}`],
              }))}
          />
        )}
        {answer !== null && <Reasons reasons={answer.reasons} />}
      </div>
    </Panel>
  );
}
