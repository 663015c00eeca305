import path from "node:path";
import { beforeAll, it } from "vitest";
import { useEngine } from "../engine.js";
import { adversarialRun, expectSameBytes } from "./adversarial-runs.js";
import { tinyFolders } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();

beforeAll(useEngine);

it.each([
  ["batch", { start: 4, warmup: 2, r1Weight: 1, r1Every: 2, lecamWeight: 0.1 }],
  ["none", { loss: "logistic", start: 2, every: 2, r1Weight: 1 }],
  ["spectral", { loss: "least-squares", adaptive: false, start: 3, learningRate: 1e-3 }],
] as const)("ends in the same bytes when it was killed at any step: norm %s", async (norm, adversarial) => {
  const out = path.join(runs, norm);
  const options = adversarialRun(images, { ...adversarial, discriminator: { norm } }, { out });
  await expectSameBytes(options, [1, 2, 3, 4, 5, 6, 7, 8]);
});
