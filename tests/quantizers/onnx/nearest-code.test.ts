import { describe, expect, test } from "vitest";
import { GraphWriter, InferenceSession, OrtTensor } from "../../../src/backend/index.js";
import { Random } from "../../../src/core/random.js";
import { writeNearestCode } from "../../../src/quantizers/onnx/nearest-code.js";

const codeDim = 3;

// 272 codes are searched in 17 groups of 16, 7 and 300 in one go.
describe.each([7, 272, 300])("of %d codes", (codebookSize) => {
  const random = new Random(1, "nearest code", codebookSize);
  // Small integers: every score is exact in whatever order it is summed, so that equals are equal, and there are many.
  const codes = random.fill(codebookSize * codeDim, (r) => r.integer(9) - 4);
  // The last code and the one before it equal code 2, which has to win.
  for (const copy of [codebookSize - 2, codebookSize - 1]) codes.set(codes.subarray(6, 9), copy * codeDim);
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

  // Blocks of 2, 5 and 100 rows at most: they divide 11 rows unevenly, or hold more than there are. A block has a row
  // at least, however few scores are allowed.
  test.each([1, 2, 5, 100])(
    "in blocks of %d rows: the nearest, the lowest of equals",
    async (rowsPerBlock) => {
      const scoresPerBlock = rowsPerBlock === 1 ? 1 : rowsPerBlock * codebookSize;
      const g = new GraphWriter();
      const rows = g.input("rows", "float32", ["rows", codeDim]);
      const nearest = writeNearestCode(g, rows, { codebookSize, codeDim, codes, bias, scoresPerBlock });
      g.output("nearest", g.cast(nearest, "int32"), { type: "int32", dims: ["rows"] });
      const session = await InferenceSession.create(g.encode("nearest code", {}));
      for (const count of [1, 2, 11]) {
        const values = random.fill(count * codeDim, (r) => r.integer(9) - 4);
        values.set(codes.subarray(6, 9), 0); // exactly on the tripled code
        const result = await session.run({ rows: new OrtTensor("float32", values, [count, codeDim]) });
        const found = result.nearest?.data as Int32Array;
        expect(Array.from(found)).toEqual(expected(values));
        expect(found[0]).toBe(2);
      }
    },
  );
});
