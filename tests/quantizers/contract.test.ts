import { describe, expect, it } from "vitest";
import { quantizerContract } from "../../src/testing/index.js";
import { describeContract, first } from "./contract-members.js";

describeContract(first);

describe("quantizerContract", () => {
  it("names each rule once", () => {
    const names = quantizerContract.map((check) => check.name);
    expect(new Set(names).size).toBe(names.length);
  });
});
