import { describe, expect, it } from "vitest";
import { waitOf } from "../../src/api/http";

describe("a request that was one too many", () => {
  it("is asked again after the wait when it only reads", () => {
    expect(waitOf("GET", 429, "12")).toBe(12_000);
  });
  it("is left to the person when it changes something, or the wait is long or not told", () => {
    expect(waitOf("POST", 429, "12")).toBeNull();
    expect(waitOf("GET", 429, "60")).toBeNull();
    expect(waitOf("GET", 429, null)).toBeNull();
    expect(waitOf("GET", 503, "2")).toBeNull();
  });
});
