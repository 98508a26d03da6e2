import { describe, expect, it } from "vitest";
import { trackRecord } from "../../src/state/model";

describe("the model's track record", () => {
  it("stands beside that of the base rate", () => {
    expect(trackRecord({ accuracy: 0.4938, accuracy_of_base_rate: 0.501 })).toBe(
      "right 49.4% of the time on data it had not seen; always saying the usual: 50.1%",
    );
  });
  it("leaves out what nobody measured", () => {
    expect(trackRecord({ accuracy: 0.5 })).toBe("right 50.0% of the time on data it had not seen");
    expect(trackRecord({ accuracy: null, accuracy_of_base_rate: 0.5 })).toBeNull();
  });
});
