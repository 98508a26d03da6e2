import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { Session } from "./api/session";
import { startTheme } from "./state/theme";
import "./styles/tokens.css";
import "./styles/controls.css";
import "./styles/layout.css";
import "./styles/panels.css";
import "./styles/account.css";
import "./styles/backtests.css";

startTheme();

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
const session = new Session(window.sessionStorage);

createRoot(root).render(
  <StrictMode>
    <App session={session} />
  </StrictMode>,
);
