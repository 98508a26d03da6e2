import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const BACKEND = process.env["TRADERBOT_URL"] ?? "http://127.0.0.1:8321";

/** The build goes into the Python package, so that the wheel carries the page. */
export default defineConfig({
  plugins: [react()],
  server: {
    proxy: { "/api": { target: BACKEND, ws: true }, "/health": { target: BACKEND } },
  },
  build: {
    outDir: "../src/traderbot/api/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    license: { fileName: "third-party-licenses.md" },
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
