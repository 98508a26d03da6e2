/** One answer of the server, asked for again whenever the question changes. */

import { useEffect, useState } from "react";
import { messageOf } from "../api/problem";

export interface Answered<Answer> {
  answer: Answer | null;
  failure: string | null;
  busy: boolean;
}

/** ask: the same function for as long as the question is the same. The last answer stays while the next is awaited. */
export function useAnswer<Answer>(ask: () => Promise<Answer>): Answered<Answer> {
  const [state, setState] = useState<Answered<Answer>>({ answer: null, failure: null, busy: true });
  useEffect(() => {
    let left = false;
    setState((known) => ({ ...known, busy: true }));
    ask().then(
      (answer) => {
        if (!left) setState({ answer, failure: null, busy: false });
      },
      (error: unknown) => {
        if (!left) setState({ answer: null, failure: messageOf(error), busy: false });
      },
    );
    return () => {
      left = true;
    };
  }, [ask]);
  return state;
}
