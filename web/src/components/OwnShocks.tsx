import { useCallback, useState } from "react";
import type { Reason, Scenario } from "../api/accountTypes";
import { messageOf } from "../api/problem";
import { useAnswer } from "../state/answer";
import { useTerminal } from "../state/context";
import { money, words } from "../state/format";
import { rate, shocksOf } from "../state/risk";
import { Bars } from "./Bars";
import { Amount, Field, Notice } from "./parts";

export function Reasons({ reasons }: { reasons: readonly Reason[] }) {
  if (reasons.length === 0) return null;
  return (
    <ul className="reasons soft">
      {reasons.map((one) => (
        <li key={`${one.figure} ${one.symbol ?? ""} ${one.detail}`}>
          {words(one.figure)}
          {one.symbol === null ? "" : ` (${one.symbol})`}: {one.detail}
        </li>
      ))}
    </ul>
  );
}

function Result({ found }: { found: Scenario }) {
  return (
    <>
      <p data-testid="shock-profit">
        {found.name === "own" ? "" : `${found.name}: `}
        {money(found.profit, true)}, {rate(found.share)} of equity.
      </p>
      <Bars
        label="Position"
        headings={["Move", "Gain or loss"]}
        bars={found.positions.map((one) => ({
          name: one.symbol,
          value: Number(one.profit),
          figures: [`${rate(one.move)} (${one.basis})`, money(one.profit, true)],
        }))}
      />
      <Reasons reasons={found.reasons} />
    </>
  );
}

interface SavedProps {
  asked: number;
  onRun: (name: string) => void;
  onDelete: (name: string) => void;
}

function SavedList({ asked, onRun, onDelete }: SavedProps) {
  const { api } = useTerminal();
  const { answer, failure } = useAnswer(useCallback(() => (void asked, api.savedScenarios()), [api, asked]));
  if (failure !== null) return <Notice tone="bad">{failure}</Notice>;
  if (answer === null || answer.length === 0) return null;
  return (
    <ul className="reasons" data-testid="saved-scenarios">
      {answer.map((one) => (
        <li key={one.name}>
          {one.name}{" "}
          <button type="button" className="small" data-testid="saved-run" onClick={() => onRun(one.name)}>
            Run
          </button>{" "}
          <button type="button" className="small" data-testid="saved-delete" onClick={() => onDelete(one.name)}>
            Delete
          </button>
        </li>
      ))}
    </ul>
  );
}

interface TextProps {
  label: string;
  hint: string;
  testId: string;
  value: string;
  onChange: (value: string) => void;
}

function Text({ label, hint, testId, value, onChange }: TextProps) {
  return (
    <Field label={label} hint={hint}>
      {(id, describedBy) => (
        <input
          id={id}
          data-testid={testId}
          aria-describedby={describedBy}
          autoComplete="off"
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

/** Shocks by market, symbol, sector and factor: tried at once, or kept by a name and run again. */
export function OwnShocks() {
  const { api } = useTerminal();
  const [market, setMarket] = useState("-10");
  const [symbols, setSymbols] = useState("");
  const [sectors, setSectors] = useState("");
  const [factors, setFactors] = useState("");
  const [name, setName] = useState("");
  const [asked, setAsked] = useState(0);
  const [found, setFound] = useState<Scenario | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const { shocks, fault } = shocksOf(market, symbols, { name, sectors, factors });
  const run = async (ask: () => Promise<Scenario | null>) => {
    setFailure(null);
    try {
      setFound(await ask());
    } catch (error) {
      setFailure(messageOf(error));
    }
    setAsked((times) => times + 1);
  };
  return (
    <form
      className="own-shocks"
      onSubmit={(event) => {
        event.preventDefault();
        if (shocks !== null) void run(() => api.shocked(shocks));
      }}
    >
      <h3>Your own</h3>
      <div className="inline-fields">
        <Amount label="Market, %" testId="shock-market" value={market} error={undefined} onChange={setMarket} />
        <Text label="Symbols, %" hint="MSFT -20, IBM 5" testId="shock-symbols" value={symbols} onChange={setSymbols} />
        <Text label="Sectors, %" hint="Software -20" testId="shock-sectors" value={sectors} onChange={setSectors} />
        <Text label="Factors, %" hint="market -10, size 2, value -5" testId="shock-factors" value={factors} onChange={setFactors} />
        <button type="submit" className="primary" data-testid="shock-ask" disabled={shocks === null}>
          Try it
        </button>
        <Text label="Name" hint="to keep it" testId="shock-name" value={name} onChange={setName} />
        <button
          type="button"
          data-testid="shock-save"
          disabled={shocks === null || name.trim() === ""}
          onClick={() => {
            if (shocks !== null) void run(() => api.saveScenario(shocks).then((kept) => api.runScenario(kept.name)));
          }}
        >
          Keep and run
        </button>
      </div>
      {fault !== null && <p className="field-error">{fault}</p>}
      {failure !== null && <Notice tone="bad">{failure}</Notice>}
      <SavedList
        asked={asked}
        onRun={(of) => void run(() => api.runScenario(of))}
        onDelete={(of) => void run(() => api.deleteScenario(of).then(() => null))}
      />
      {found !== null && <Result found={found} />}
    </form>
  );
}
