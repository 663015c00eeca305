/** Contract checks of what training draws for a quantizer. All are vacuous for one that draws nothing. */
import assert from "node:assert/strict";
import { Random } from "../../core/random.js";
import * as tf from "../../tf/index.js";
import type { Quantizer, TrainingInputs } from "../quantizer.js";
import { behaviour, bytesOf, gradientOf, gridsOf, stateOf, using, withLatents } from "./helpers.js";

/** What a step draws for latents of the first grid; none for a quantizer that draws nothing. */
export function drawn(quantizer: Quantizer, step: number): Record<string, tf.Tensor> {
  const random = new Random(4, "contract", "training", step);
  const draw = { step, grid: gridsOf(quantizer)[0], random };
  return { ...quantizer.trainingInputs?.(draw), ...quantizer.replacementInputs?.(draw) };
}

function drawsNothing({ trainingInputs, replacementInputs }: Quantizer): boolean {
  return trainingInputs === undefined && replacementInputs === undefined;
}

/** Equal draws give equal bytes, and what is drawn has one form at every step, so that steps can be recorded. */
export async function checkDraws(make: () => Quantizer): Promise<void> {
  await using(make, async (quantizer) => {
    if (drawsNothing(quantizer)) return;
    const [first, again, later] = [drawn(quantizer, 3), drawn(quantizer, 3), drawn(quantizer, 40)];
    assert.deepEqual(formOf(later), formOf(first), "names, shapes and types of what two steps draw");
    for (const [name, tensor] of Object.entries(first)) {
      assert.deepEqual(
        await bytesOf(again[name] as tf.Tensor),
        await bytesOf(tensor),
        `${name}, drawn again for the same step`,
      );
    }
    tf.dispose([first, again, later]);
  });
}

const formOf = (inputs: TrainingInputs) =>
  Object.entries(inputs).map(([name, { shape, dtype }]) => ({ name, shape, dtype }));

/** In training too `quantize` is a function of what it is given, and evaluation is as if there had been no training. */
export async function checkTraining(make: () => Quantizer): Promise<void> {
  await using(make, async (quantizer) => {
    if (drawsNothing(quantizer)) return;
    const inputs = drawn(quantizer, 1);
    const evaluated = await behaviour(quantizer);
    const before = await stateOf(quantizer);
    await withLatents(quantizer, gridsOf(quantizer)[0], async (latents) => {
      const [first, second] = [quantizer.quantize(latents, inputs), quantizer.quantize(latents, inputs)];
      assert.deepEqual(first.quantized.shape, latents.shape, "shape of quantized in training");
      const { indices } = tf.tidy(() => quantizer.quantize(latents));
      assert.deepEqual(first.indices.shape, indices.shape, "shape of indices in training");
      indices.dispose();
      for (const index of await first.indices.data()) {
        assert.ok(index >= 0 && index < quantizer.codebookSize, `index ${index} in training`);
      }
      assert.deepEqual(
        await bytesOf(second.quantized),
        await bytesOf(first.quantized),
        "a second call in training with the same draw",
      );
      const gradient = gradientOf(latents, (z) => tf.sum(quantizer.quantize(z, inputs).quantized));
      assert.ok((await gradient.data()).every(Number.isFinite), "the gradient in training is finite");
      tf.dispose([first, second, gradient]);
    });
    assert.deepEqual(await stateOf(quantizer), before, "variables after quantize in training");
    assert.deepEqual(await behaviour(quantizer), evaluated, "evaluation after training");
    tf.dispose(inputs);
  });
}

/** Rows that are reported as replaced are rows of variables, and the codes still give back what they quantize to. */
export async function checkReplacement(make: () => Quantizer): Promise<void> {
  await using(make, async (quantizer) => {
    if (quantizer.replaceDeadCodes === undefined) return;
    await withLatents(quantizer, gridsOf(quantizer)[0], async (latents) => {
      for (let step = 1; step <= 40; step++) {
        const { counts, rows } = await replacedIn(quantizer, latents, step);
        assert.equal(counts.length, quantizer.numCodebooks, "counts of replaced codes");
        for (const [name, isNew] of rows) {
          const variable = quantizer.variables().get(name);
          assert.equal(isNew.length, variable?.shape[0], `rows of ${name} that are reported as replaced`);
          assert.ok(
            isNew.every((each) => each === 0 || each === 1),
            `rows of ${name} are 0 or 1`,
          );
        }
      }
      const output = quantizer.quantize(latents);
      const codes = quantizer.indicesToCodes(output.indices);
      assert.deepEqual(await bytesOf(codes), await bytesOf(output.quantized), "round trip after replacement");
      assert.ok((await codes.data()).every(Number.isFinite), "codes are finite after replacement");
      tf.dispose([output, codes]);
    });
  });
}

async function replacedIn(quantizer: Quantizer, latents: tf.Tensor4D, step: number) {
  const inputs = drawn(quantizer, step);
  const kept = tf.tidy(() => {
    const { indices } = quantizer.quantize(latents, inputs);
    quantizer.updateCodebook(latents, indices);
    const replacement = quantizer.replaceDeadCodes?.(latents, indices, inputs);
    if (replacement === undefined) throw new TypeError("replaceDeadCodes has gone");
    const { codes, rows } = replacement;
    assert.deepEqual(codes.shape, [quantizer.numCodebooks, quantizer.codebookSize], "codes of a replacement");
    return {
      counts: tf.sum(codes, 1),
      rows: [...rows.values()].map((each) => each.clone()),
      names: [...rows.keys()],
    };
  });
  const counts = Array.from(await kept.counts.data());
  const rows = await Promise.all(
    kept.rows.map(async (each, i) => [kept.names[i] as string, Array.from(await each.data())] as const),
  );
  tf.dispose([inputs, kept.counts, kept.rows]);
  return { counts, rows };
}
