import { beforeAll, expect, it } from "vitest";
import { type Wandb, wandbLogger } from "../../samples/log-to-wandb.js";
import { Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { drained, tinyFolders, tinyRun } from "../training/tiny-runs.js";

const { images } = await tinyFolders();

beforeAll(useEngine);

it("log-to-wandb opens a run, logs each step and the last figures, and closes it", async () => {
  const calls: unknown[][] = [];
  const wandb: Wandb = {
    init: async (options) => calls.push(["init", options]),
    log: (figures, step) => calls.push(["log", Object.keys(figures).at(0), step]),
    finish: async () => void calls.push(["finish"]),
  };
  const options = tinyRun(images, { steps: 2, evaluateUntrained: false, reconstructionStrips: 0 });
  const trainer = await Trainer.create(options, { loggers: [wandbLogger(wandb, "mine")] });
  await drained(trainer.run());
  trainer.dispose();
  expect(calls).toEqual([
    ["init", { project: "mine", config: trainer.config }],
    ["log", "step", 1],
    ["log", "step", 2],
    ["log", "evaluation", 2],
    ["finish"],
  ]);
});
