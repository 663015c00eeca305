import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { readSafetensors } from "../../../src/files/index.js";
import { backboneNames } from "../../../src/losses/perceptual/backbones.js";
import { openPerceptualNetwork } from "../../../src/losses/perceptual/network.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";
import { hasPython, python } from "../../import/python.js";

beforeAll(useEngine);

/** Of the largest. */
const TOLERANCE = 1e-4;

const modules = "torch, torchvision, lpips, safetensors";
const title = hasPython(modules) ? "" : ` (needs Python with ${modules}: VQKIT_PYTHON)`;

it.skipIf(title !== "").each(backboneNames)(
  `the distance and its gradient are the lpips package's for %s${title}`,
  async (name) => {
    const folder = await mkdtemp(path.join(tmpdir(), "vqkit-lpips-"));
    try {
      const script = path.join(import.meta.dirname, "lpips_reference.py");
      const heads = execFileSync(python, [script, name, folder], { encoding: "utf8" })
        .trim()
        .split("\n")
        .at(-1);
      const network = await openPerceptualNetwork({
        kind: name,
        weights: path.join(folder, "weights.pth"),
        heads: heads as string,
      });
      const { tensors } = await readSafetensors(path.join(folder, "reference.safetensors"));
      const numbers = (tensor: string) => tensors.get(tensor)?.data as Float32Array;
      const image = (tensor: string) => tf.tensor(numbers(tensor), [2, 64, 80, 3]) as tf.Tensor4D;
      const distances = await network.distances(image("x"), image("y")).data();
      expect(worst(distances, numbers("distance"))).toBeLessThan(TOLERANCE);
      const gradient = tf.grad((y) => tf.mean(network.distances(image("x"), y as tf.Tensor4D)))(image("y"));
      expect(worst(await gradient.data(), numbers("gradient"))).toBeLessThan(TOLERANCE);
      network.dispose();
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  300_000,
);

/** The largest difference, relative to the largest number. */
function worst(made: ArrayLike<number>, expected: Float32Array): number {
  expect(made.length).toBe(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  return expected.reduce(
    (most, value, i) => Math.max(most, Math.abs((made[i] as number) - value) / scale),
    0,
  );
}
