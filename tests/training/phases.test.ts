import { cp, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/files/index.js";
import { lossCard, renderRunReport } from "../../src/reports/index.js";
import { RunFolder } from "../../src/runs/index.js";
import * as tf from "../../src/tf/index.js";
import { type RunOptions, type StepMetrics, Trainer, timingFields } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { digestOf, drained, logged, timeless, tinyFolders, tinyRun, train } from "./tiny-runs.js";
import "./toy-critic.js";

const { images, runs } = await tinyFolders();

beforeAll(useEngine);

/** A model with a second network that has its own Adam and learns at every second step. */
function withCritic(out: string, critic: object = {}, changes: Partial<RunOptions> = {}): RunOptions {
  const objectives = [{ kind: "toy-critic", ...critic }];
  return tinyRun(images, { ...LEAN, objectives, out: path.join(runs, out), ...changes });
}
const LEAN = {
  steps: 9,
  checkpointEvery: 3,
  evaluateUntrained: false,
  timelineRecords: 0,
  reconstructionStrips: 2,
};

async function checkpointOf(dir: string, step: number): Promise<Record<string, string>> {
  const name = (await readdir(path.join(dir, "checkpoints"))).find(
    (each) => Number(each.slice(5, 13)) === step,
  );
  const { tensors } = await readSafetensors(path.join(dir, "checkpoints", name as string));
  return Object.fromEntries(
    [...tensors].map(([key, { data }]) => [
      key,
      digestOf(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
    ]),
  );
}

async function modelOf(dir: string): Promise<string> {
  return digestOf(await readFile(path.join(dir, "model.safetensors")));
}

const isOfCritic = (field: string) => /^(critic|hinge|weightedHinge)/.test(field);

describe("a second network with an optimizer of its own", () => {
  let dir: string;
  let steps: StepMetrics[];

  beforeAll(async () => {
    dir = path.join(runs, "critic");
    ({ steps } = await train(withCritic("critic")));
  });

  it("learns at every second step, and is recorded by its names at these", async () => {
    const records = await logged(dir);
    for (const record of records) {
      const fields = Object.keys(record).filter(isOfCritic).sort();
      const due = [
        "criticGradientNorm",
        "criticLearningRate",
        "criticLoss",
        "hingeLoss",
        "weightedHingeLoss",
      ];
      expect(fields, `step ${String(record.step)}`).toEqual(Number(record.step) % 2 === 0 ? due : []);
    }
    const losses = steps.flatMap(({ hingeLoss }) => (typeof hingeLoss === "number" ? [hingeLoss] : []));
    expect(losses).toHaveLength(4);
    expect(losses[3]).toBeLessThan(losses[0] as number);
    expect(steps[1]).toMatchObject({
      criticLoss: losses[0],
      weightedHingeLoss: losses[0],
      criticLearningRate: 0.01,
    });
  });

  it("has its weights and moments in checkpoints, and changes nothing of the model", async () => {
    const checkpoint = await checkpointOf(dir, 9);
    expect(
      Object.keys(checkpoint)
        .filter((name) => name.includes("critic"))
        .sort(),
    ).toEqual([
      "modules/critic/bias",
      "modules/critic/kernel",
      "optimizer/critic/firstMoment/critic/bias",
      "optimizer/critic/firstMoment/critic/kernel",
      "optimizer/critic/secondMoment/critic/bias",
      "optimizer/critic/secondMoment/critic/kernel",
    ]);
    const alone = path.join(runs, "alone");
    await train(tinyRun(images, { ...LEAN, out: alone }));
    expect(await modelOf(dir)).toBe(await modelOf(alone));
    const ofModel = (record: Record<string, unknown>) =>
      Object.fromEntries(
        Object.entries(record).filter(
          ([field]) => !isOfCritic(field) && !timingFields.includes(field as never),
        ),
      );
    expect((await logged(dir)).map(ofModel)).toEqual((await logged(alone)).map(ofModel));
  });

  it("ends in the same bytes when it was killed, its weights and moments included", async () => {
    for (const [name, critic] of [
      ["critic", {}],
      ["adversarial", { adversarialFrom: 3 }],
      ["every third", { every: 3 }],
    ] as const) {
      const whole = path.join(runs, `${name} whole`);
      const killed = path.join(runs, `${name} killed`);
      const trainer = await Trainer.create(withCritic(`${name} whole`, critic));
      for await (const { step } of trainer.run()) {
        // What a kill leaves after step 8: checkpoints of steps 3 and 6, and a lock of a process that is gone.
        if (step === 8) await cp(whole, killed, { recursive: true });
      }
      trainer.dispose();
      await rm(path.join(killed, ".vqkit.lock"));
      const resumed = await Trainer.resume(killed);
      expect(resumed.resumed?.step).toBe(6);
      expect((await drained(resumed.run())).map(({ step }) => step)).toEqual([7, 8, 9]);
      resumed.dispose();
      expect(await checkpointOf(killed, 9)).toEqual(await checkpointOf(whole, 9));
      expect(await modelOf(killed)).toBe(await modelOf(whole));
      expect(await timeless(killed)).toBe(await timeless(whole));
    }
  });

  it("has its curve and its line of the loss card on the page of the run", async () => {
    const page = await renderRunReport(await RunFolder.open(dir));
    expect(page).toMatch(/hinge/);
    expect(page).toContain("criticGradientNorm");
    expect(page).toContain("the critic, at every step that 2 divides");
    const { terms } = lossCard(await (await RunFolder.open(dir)).readConfig());
    expect(terms.map(({ loss }) => loss)).toEqual(expect.arrayContaining(["codebook", "critic, hinge"]));
    // Of a kind that this process does not know, the card says that there is one.
    expect(lossCard({ objectives: [{ kind: "elsewhere" }] }).terms).toMatchObject([
      { loss: "elsewhere", weight: null },
    ]);
  });

  it("may be part of what the model minimises, with a weight that changes from step to step", async () => {
    const { steps: with_ } = await train(withCritic("adversarial", { adversarialFrom: 3 }));
    for (const { step, adversarialLoss, weightedAdversarialLoss } of with_) {
      const weight = 0.01 * Math.max(0, step - 2);
      expect(weightedAdversarialLoss).toBeCloseTo(weight * Number(adversarialLoss), 7);
    }
    // Before it begins it changes nothing; its first step still reports the weights that it started from.
    const totals = (all: readonly StepMetrics[]) => all.map(({ reconstructionLoss }) => reconstructionLoss);
    expect(totals(with_).slice(0, 3)).toEqual(totals(steps).slice(0, 3));
    expect(totals(with_)[4]).not.toBe(totals(steps)[4]);
  });

  it.each(["skip", "rollback"] as const)(
    "is guarded against what is not finite, by name: %s",
    async (onNan) => {
      const out = `poisoned, ${onNan}`;
      const { steps: all } = await train(withCritic(out, { poisonedStep: 4 }, { onNan }));
      const odd = all.find(({ nonFinite }) => nonFinite !== undefined);
      expect(odd).toMatchObject({ nonFinite: "hingeLoss" });
      expect(odd).toMatchObject(
        onNan === "skip" ? { step: 4, skipped: true } : { step: 4, rolledBackFrom: 4 },
      );
      expect(Object.keys(await checkpointOf(path.join(runs, out), 9))).toContain("modules/critic/kernel");
    },
  );

  it("stops a run whose loss is not finite, with all weights as they were before the step", async () => {
    const trainer = await Trainer.create(withCritic("stopped", { poisonedStep: 2 }));
    await expect(drained(trainer.run())).rejects.toMatchObject({
      code: "numerics",
      step: 2,
      tensor: "hingeLoss",
    });
    trainer.dispose();
  });

  it("frees everything", async () => {
    const before = tf.memory().numTensors;
    await train(
      withCritic("freed", { adversarialFrom: 1 }, { steps: 3, out: null, weightAverageDecay: 0.9 }),
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each<[string, RunOptions["objectives"], RegExp]>([
    ["an unknown kind", [{ kind: "toy-critik" }], /objectives\[0\]\.kind: .*Did you mean "toy-critic"/],
    ["an option that it does not have", [{ kind: "toy-critic", evry: 2 }], /objectives\[0\]/],
    [
      "a wrong option of the second",
      ["toy-critic", { kind: "toy-critic", every: 0 }],
      /objectives\[1\]\.every/,
    ],
    ["two of one name", ["toy-critic", "toy-critic"], /objectives: .*"critic"/],
    ["a name of the model's", [{ kind: "toy-critic", module: "encoder" }], /objectives: .*"encoder"/],
    ["no list", "toy-critic" as unknown as [], /objectives: expected a list/],
  ])("refuses %s", async (_, objectives, message) => {
    const before = tf.memory().numTensors;
    await expect(Trainer.create(tinyRun(images, { objectives: objectives as [] }))).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(message),
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});
