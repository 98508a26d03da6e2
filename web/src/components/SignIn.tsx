import { useState, type FormEvent } from "react";
import { messageOf, Problem } from "../api/problem";
import type { Session } from "../api/session";
import { Field, Notice } from "./parts";
import { ThemeToggle } from "./ThemeToggle";

type Mode = "login" | "register";

interface CredentialsProps {
  mode: Mode;
  session: Session;
}

function CredentialsForm({ mode, session }: CredentialsProps) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const registering = mode === "register";
  const fieldError = (name: string) => (problem instanceof Problem ? problem.field(name) : undefined);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await (registering ? session.register(email, password, displayName) : session.login(email, password));
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };

  return (
    <form onSubmit={(event) => void submit(event)} aria-label={registering ? "Create an account" : "Sign in"}>
      {problem !== null && <Notice tone="bad">{messageOf(problem)}</Notice>}
      <Field label="Email" error={fieldError("email")}>
        {(id, describedBy) => (
          <input
            id={id}
            data-testid={`${mode}-email`}
            type="email"
            autoComplete="username"
            required
            autoFocus
            aria-describedby={describedBy}
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
        )}
      </Field>
      {registering && (
        <Field label="Name (optional)" error={fieldError("display_name")}>
          {(id, describedBy) => (
            <input
              id={id}
              data-testid="register-name"
              autoComplete="name"
              aria-describedby={describedBy}
              value={displayName}
              onChange={(event) => setDisplayName(event.target.value)}
            />
          )}
        </Field>
      )}
      <Field label="Password" error={fieldError("password")}>
        {(id, describedBy) => (
          <input
            id={id}
            data-testid={`${mode}-password`}
            type="password"
            autoComplete={registering ? "new-password" : "current-password"}
            required
            aria-describedby={describedBy}
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
      <button className="primary wide" type="submit" disabled={busy} data-testid={`${mode}-submit`}>
        {busy ? "One moment…" : registering ? "Create account" : "Sign in"}
      </button>
    </form>
  );
}

/** The door: sign in, or open a paper account. */
export function SignIn({ session, notice }: { session: Session; notice: string | null }) {
  const [mode, setMode] = useState<Mode>("login");
  const other: Mode = mode === "login" ? "register" : "login";
  return (
    <main className="door">
      <div className="door-theme">
        <ThemeToggle />
      </div>
      <div className="door-card">
        <h1 className="brand">traderbot</h1>
        <p className="soft">
          {mode === "login"
            ? "Sign in to your account. A demo prints its login in the terminal it was started from."
            : "Open a paper account. It starts with play money and follows the market session from now on."}
        </p>
        {notice !== null && <Notice tone="plain">{notice}</Notice>}
        <CredentialsForm key={mode} mode={mode} session={session} />
        <p className="door-switch soft">
          {mode === "login" ? "No account yet?" : "Already have an account?"}{" "}
          <button type="button" className="link" data-testid={`switch-to-${other}`} onClick={() => setMode(other)}>
            {mode === "login" ? "Create one" : "Sign in"}
          </button>
        </p>
      </div>
    </main>
  );
}
