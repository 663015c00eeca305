import { describe, expect, it } from "vitest";
import { GraphWriter } from "../../../src/backend/index.js";
import { encodeGraph } from "../../../src/export/onnx/graphs.js";

/** 64 MiB, under as many names as are wanted: nothing is copied before the model is encoded. */
const weights = new Float32Array(2 ** 24);

describe("a graph whose weights are too large for one file", () => {
  it.each([32, 40])("is refused by name before its bytes are made: %i × 64 MiB", (count) => {
    const g = new GraphWriter();
    const kernels = Array.from({ length: count }, (_, i) => g.constant(`kernel ${i}`, weights, [2 ** 24]));
    g.output("sum", g.op("Sum", kernels), { type: "float32", dims: [2 ** 24] });
    const encode = () => encodeGraph(g, "decoder", {});
    expect(encode).toThrow(
      `decoder.onnx: expected weights of less than 2 GiB, as much as one ONNX file holds, got ${(count / 16).toFixed(2)} GiB. Only a model with fewer weights can be exported.`,
    );
    expect(encode).toThrow(expect.objectContaining({ code: "format" }));
  });
});
