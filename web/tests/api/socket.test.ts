import { describe, expect, it } from "vitest";
import { parseFrame, socketAddress } from "../../src/api/socket";

describe("frames", () => {
  it("are read when known and passed over when not", () => {
    expect(parseFrame('{"type":"authenticated"}')).toEqual({ type: "authenticated" });
    for (const type of ["backtest", "validation", "sweep"]) {
      expect(parseFrame(JSON.stringify({ type, data: {} }))).toEqual({ type, data: {} });
    }
    for (const text of ['{"type":"news"}', "null", "[]", "{", 7]) expect(parseFrame(text)).toBeNull();
  });
});

describe("the address", () => {
  it("is safe when the page is", () => {
    expect(socketAddress({ protocol: "https:", host: "t.example" })).toBe("wss://t.example/api/v1/ws");
    expect(socketAddress({ protocol: "http:", host: "localhost:8000" })).toBe("ws://localhost:8000/api/v1/ws");
  });
});
