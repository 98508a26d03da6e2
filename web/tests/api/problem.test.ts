import { describe, expect, it } from "vitest";
import { Problem, problemFrom } from "../../src/api/problem";

describe("problem+json", () => {
  it("becomes a message with its fields", () => {
    const problem = problemFrom(422, {
      title: "Invalid request",
      detail: "qty is not valid",
      code: "invalid_value",
      errors: [{ field: "body.qty", expected: "above zero" }, "noise"],
    });
    expect(problem.message).toBe("qty is not valid");
    expect(problem.field("qty")).toBe("above zero");
    expect(problem.field("limit_price")).toBeUndefined();
  });
  it("survives a body that is none", () => {
    expect(problemFrom(502, null).message).toBe("The server answered 502");
  });
  it("is settled only when the server decided", () => {
    const settled = (status: number) => new Problem(status, "", "", "").settled;
    expect([400, 403, 409, 422].map(settled)).toEqual([true, true, true, true]);
    expect([0, 408, 429, 500, 503].map(settled)).toEqual([false, false, false, false, false]);
  });
});
