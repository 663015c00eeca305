/** Contract checks of what a quantizer holds: purity, updates, configuration, seed, memory. */
import assert from "node:assert/strict";
import { RecordedFunction } from "../../backend/index.js";
import * as tf from "../../tf/index.js";
import type { Quantizer } from "../quantizer.js";
import { createBlankQuantizer, parseQuantizerConfig } from "../registry.js";
import {
  behaviour,
  bytesOf,
  copyState,
  gradientOf,
  gridsOf,
  randomLatents,
  stateOf,
  using,
  withLatents,
} from "./helpers.js";
import { drawn } from "./training.js";

export async function checkPurity(make: () => Quantizer): Promise<void> {
  await using(make, async (quantizer) => {
    await withLatents(quantizer, gridsOf(quantizer)[0], async (latents) => {
      const before = await stateOf(quantizer);
      const first = quantizer.quantize(latents);
      const gradient = gradientOf(latents, (z) => tf.sum(quantizer.quantize(z).quantized));
      const second = quantizer.quantize(latents);
      assert.deepEqual(await stateOf(quantizer), before, "variables after quantize");
      assert.deepEqual(await bytesOf(second.quantized), await bytesOf(first.quantized), "a second call");
      tf.dispose([first, second, gradient]);
    });
  });
}

export async function checkUpdate(make: () => Quantizer): Promise<void> {
  await using(make, async (quantizer) => {
    await withLatents(quantizer, gridsOf(quantizer)[0], async (latents) => {
      for (let step = 0; step < 3; step++) {
        const { quantized, indices, losses } = quantizer.quantize(latents);
        quantizer.updateCodebook(latents, indices);
        tf.dispose([quantized, indices, losses]);
      }
      for (const [name, variable] of quantizer.variables()) {
        assert.ok((await variable.data()).every(Number.isFinite), `variable ${name} is finite`);
      }
      const output = quantizer.quantize(latents);
      const codes = quantizer.indicesToCodes(output.indices);
      assert.deepEqual(await bytesOf(codes), await bytesOf(output.quantized), "round trip after the update");
      tf.dispose([output, codes]);
    });
  });
}

/** Repeated steps must do what recorded ones do. Vacuous for a quantizer that does not claim it. */
export async function checkRepeats(make: () => Quantizer): Promise<void> {
  await using(make, async (repeated) => {
    if (repeated.repeatable !== true) return;
    await using(make, async (called) => {
      const step = (quantizer: Quantizer) => (inputs: Record<string, tf.Tensor>) => {
        const { latents, ...training } = inputs as Record<string, tf.Tensor> & { latents: tf.Tensor4D };
        const { quantized, indices } = quantizer.quantize(latents, training);
        quantizer.updateCodebook(latents, indices);
        quantizer.replaceDeadCodes?.(latents, indices, training);
        return { quantized, indices };
      };
      const recorded = new RecordedFunction(step(repeated));
      for (let call = 0; call < 12; call++) {
        const inputs = {
          ...drawn(repeated, call + 1),
          latents: randomLatents(repeated.codeDim, gridsOf(repeated)[0], `repeated ${call}`),
        };
        const got = await recorded.call(inputs);
        const expected = tf.tidy(() => step(called)(inputs));
        const where = `call ${call + 1} of a repeatable quantizer`;
        assert.deepEqual(await bytesOf(got.indices), await bytesOf(expected.indices), `indices at ${where}`);
        assert.deepEqual(
          await bytesOf(got.quantized),
          await bytesOf(expected.quantized),
          `codes at ${where}`,
        );
        tf.dispose([inputs, got, expected]);
      }
      assert.deepEqual(await stateOf(repeated), await stateOf(called), "variables after repeated calls");
    });
  });
}

export async function checkJsonRoundTrip(make: () => Quantizer): Promise<void> {
  await using(make, async (original) => {
    const json: unknown = JSON.parse(JSON.stringify(original.config));
    assert.deepEqual(json, { ...original.config }, "configuration as JSON");
    assert.deepEqual(parseQuantizerConfig(json), json, "configuration with every default written out");
    await using(
      () => createBlankQuantizer(json), // as a model file is loaded
      async (rebuilt) => {
        assert.deepEqual(
          { ...rebuilt.config },
          { ...original.config },
          "configuration of the rebuilt quantizer",
        );
        copyState(original, rebuilt);
        assert.deepEqual(
          await behaviour(rebuilt),
          await behaviour(original),
          "output of the rebuilt quantizer",
        );
      },
    );
  });
}

export async function checkSeed(make: () => Quantizer): Promise<void> {
  await using(make, async (first) => {
    await using(make, async (second) => {
      assert.deepEqual(
        await stateOf(second),
        await stateOf(first),
        "variables of two quantizers of one seed",
      );
      assert.deepEqual(
        await behaviour(second),
        await behaviour(first),
        "output of two quantizers of one seed",
      );
    });
  });
}

export async function checkLeaks(make: () => Quantizer): Promise<void> {
  const before = tf.memory().numTensors;
  await using(make, async (quantizer) => {
    await withLatents(quantizer, gridsOf(quantizer)[0], async (latents) => {
      const held = tf.memory().numTensors;
      const expectHeld = (what: string) =>
        assert.equal(tf.memory().numTensors, held, `tensors after ${what}`);
      const output = quantizer.quantize(latents);
      quantizer.updateCodebook(latents, output.indices);
      const codes = quantizer.indicesToCodes(output.indices);
      tf.dispose([output, codes]);
      expectHeld("quantize, updateCodebook and indicesToCodes");
      gradientOf(latents, (z) => tf.sum(quantizer.quantize(z).quantized)).dispose();
      expectHeld("a gradient");
    });
  });
  assert.equal(tf.memory().numTensors, before, "tensors after dispose");
}
