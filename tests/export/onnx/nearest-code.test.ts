import { expect, test } from "vitest";
import { InferenceSession, OrtTensor } from "../../../src/backend/index.js";
import { Random } from "../../../src/core/random.js";
import { GraphWriter } from "../../../src/export/index.js";
import { writeNearestCode } from "../../../src/export/onnx/nearest-code.js";

const random = new Random(1, "nearest code");
const [codebookSize, codeDim] = [7, 3];
const codes = random.fill(codebookSize * codeDim, (r) => r.normal());
codes.set(codes.subarray(6, 9), 15); // code 5 equals code 2, which has to win
const bias = Float32Array.from({ length: codebookSize }, (_, k) => {
  const row = codes.subarray(k * codeDim, (k + 1) * codeDim);
  return -0.5 * row.reduce((sum, value) => sum + value * value, 0);
});

/** By distances in double precision, one by one. */
function expected(rows: Float32Array): number[] {
  return Array.from({ length: rows.length / codeDim }, (_, row) => {
    const distances = Array.from({ length: codebookSize }, (_, k) => {
      let sum = 0;
      for (let d = 0; d < codeDim; d++) {
        sum += ((rows[row * codeDim + d] as number) - (codes[k * codeDim + d] as number)) ** 2;
      }
      return sum;
    });
    return distances.indexOf(Math.min(...distances));
  });
}

// Blocks of 1, 2 and 5 rows divide 11 rows unevenly, or hold more than there are.
test.each([1, 14, 35, 700])(
  "%d scores at a time: the nearest code, the lowest of equals",
  async (scoresPerBlock) => {
    const g = new GraphWriter();
    const rows = g.input("rows", "float32", ["rows", codeDim]);
    const nearest = writeNearestCode(g, rows, { codebookSize, codeDim, codes, bias, scoresPerBlock });
    g.output("nearest", g.cast(nearest, "int32"), { type: "int32", dims: ["rows"] });
    const session = await InferenceSession.create(g.encode("nearest code", {}));
    for (const count of [1, 2, 11]) {
      const values = random.fill(count * codeDim, (r) => r.normal());
      values.set(codes.subarray(15, 18), 0); // exactly on the doubled code
      const result = await session.run({ rows: new OrtTensor("float32", values, [count, codeDim]) });
      const found = result.nearest?.data as Int32Array;
      expect(Array.from(found)).toEqual(expected(values));
      expect(found[0]).toBe(2);
    }
  },
);
