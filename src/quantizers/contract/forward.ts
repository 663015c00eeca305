/** Contract checks of the values: shapes, indices, round trip, errors. */
import assert from "node:assert/strict";
import { ShapeError } from "../../core/errors.js";
import * as tf from "../../tf/index.js";
import type { Quantizer } from "../quantizer.js";
import { bytesOf, gridsOf, indexShape, using, withLatents } from "./helpers.js";

export async function checkShapes(make: () => Quantizer): Promise<void> {
  await using(make, async (quantizer) => {
    for (const grid of gridsOf(quantizer)) {
      await withLatents(quantizer, grid, async (latents) => {
        const output = quantizer.quantize(latents);
        assert.deepEqual(output.quantized.shape, [...grid, quantizer.codeDim], "shape of quantized");
        assert.deepEqual(output.indices.shape, indexShape(quantizer, grid), "shape of indices");
        assert.equal(output.indices.dtype, "int32", "type of indices");
        for (const [name, loss] of Object.entries(output.losses)) {
          assert.deepEqual(loss.shape, [], `shape of the ${name} loss`);
        }
        const codes = quantizer.indicesToCodes(output.indices);
        assert.deepEqual(codes.shape, output.quantized.shape, "shape of indicesToCodes");
        tf.dispose([output, codes]);
      });
    }
  });
}

export async function checkIndexRange(make: () => Quantizer): Promise<void> {
  await using(make, async (quantizer) => {
    // Far beyond any code on either side too.
    for (const scale of [0.01, 1, 100]) {
      await withLatents(quantizer, gridsOf(quantizer)[0], async (latents) => {
        const output = tf.tidy(() => quantizer.quantize(tf.mul(latents, scale)));
        for (const index of await output.indices.data()) {
          assert.ok(
            index >= 0 && index < quantizer.codebookSize,
            `index ${index} of ${quantizer.codebookSize}`,
          );
        }
        tf.dispose(output);
      });
    }
  });
}

export async function checkRoundTrip(make: () => Quantizer): Promise<void> {
  await using(make, async (quantizer) => {
    for (const grid of gridsOf(quantizer)) {
      await withLatents(quantizer, grid, async (latents) => {
        const output = quantizer.quantize(latents);
        const codes = quantizer.indicesToCodes(output.indices);
        assert.deepEqual(
          await bytesOf(codes),
          await bytesOf(output.quantized),
          "indicesToCodes(indices) against quantized",
        );
        tf.dispose([output, codes]);
      });
    }
  });
}

export async function checkWrongShapes(make: () => Quantizer): Promise<void> {
  await using(make, async (quantizer) => {
    const { codeDim, numCodebooks } = quantizer;
    tf.tidy(() => {
      const wrongLatents = [tf.zeros([2, 3, 4, codeDim + 1]), tf.zeros([2, 3, codeDim])];
      for (const latents of wrongLatents) {
        assert.throws(
          () => quantizer.quantize(latents as tf.Tensor4D),
          ShapeError,
          `latents [${latents.shape}]`,
        );
      }
      const wrongIndices = [
        tf.zeros([2, 3, 4, numCodebooks + 1], "int32"),
        tf.zeros([2, 3, numCodebooks], "int32"),
      ];
      for (const indices of wrongIndices) {
        assert.throws(
          () => quantizer.indicesToCodes(indices as tf.Tensor4D),
          ShapeError,
          `indices [${indices.shape}]`,
        );
      }
    });
  });
}

export async function checkLossWeights(make: () => Quantizer): Promise<void> {
  await using(make, async (quantizer) => {
    await withLatents(quantizer, gridsOf(quantizer)[0], async (latents) => {
      const { losses, quantized, indices } = quantizer.quantize(latents);
      for (const name of new Set([...Object.keys(losses), ...Object.keys(quantizer.lossWeights)])) {
        assert.match(name, /^[a-z][A-Za-z0-9]*$/, `name of a loss: ${name}`);
        const weight = quantizer.lossWeights[name] ?? Number.NaN;
        assert.ok(Number.isFinite(weight) && weight >= 0, `weight of the ${name} loss is ${weight}`);
        const value = losses[name];
        if (value === undefined)
          assert.equal(weight, 0, `weight of the ${name} loss, which the method does not have`);
        else assert.ok(Number.isFinite((await value.data())[0]), `${name} loss is finite`);
      }
      tf.dispose([losses, quantized, indices]);
    });
  });
}
