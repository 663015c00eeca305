/** Small comparisons. */
import { readdir } from "node:fs/promises";
import path from "node:path";
import { expect } from "vitest";
import { assertSameConventions } from "../../../src/metrics/index.js";
import { RunFolder } from "../../../src/runs/index.js";
import * as tf from "../../../src/tf/index.js";
import {
  type ComparisonEvent,
  type ComparisonOptions,
  compareQuantizers,
} from "../../../src/training/index.js";
import { drained, type Folders, tinyRun } from "../tiny-runs.js";

/** Of every kind that has a paper of its own, three steps each. */
export function comparisonOf(
  { images, runs }: Folders,
  changes: Partial<ComparisonOptions> = {},
): ComparisonOptions {
  const { quantizer: _, ...base } = tinyRun(images, { steps: 3 });
  const kinds = ["vq", "rotation", "simvq"].map((kind) => ({ kind, codeDim: 8 }));
  return { base, quantizers: [...kinds, "fsq"], codebookSize: 30, out: path.join(runs, "plan"), ...changes };
}

/** That a comparison trains these kinds, fsq among them, with two seeds into folders of their own, comparable with each other. */
export async function expectComparable(folders: Folders, kinds: readonly string[]): Promise<void> {
  const quantizers = comparisonOf(folders).quantizers?.filter((each) =>
    kinds.includes(typeof each === "string" ? each : String(each.kind)),
  );
  const out = path.join(folders.runs, "whole");
  const before = tf.memory().numTensors;
  const events = await drained(
    compareQuantizers(comparisonOf(folders, { ...(quantizers && { quantizers }), seeds: [0, 1], out })),
  );
  expect(tf.memory().numTensors).toBe(before);
  const names = [0, 1].flatMap((seed) => kinds.map((kind) => `${kind}-seed${seed}`));
  const types = events.map(({ type, index }) => `${index} ${type}`);
  expect(types).toEqual(
    names.flatMap((_, i) => ["run-start", "step", "step", "step", "run-end"].map((type) => `${i} ${type}`)),
  );
  expect(new Set(events.map(({ total }) => total))).toEqual(new Set([2 * kinds.length]));
  expect((await readdir(out)).sort()).toEqual(["comparison-plan.json", ...names].sort());
  const cards = [];
  for (const name of names) {
    const { conventions, figures } = await (await RunFolder.open(path.join(out, name))).readSummary();
    cards.push({ name, card: conventions });
    const [kind] = name.split("-");
    expect(figures.quantizer).toMatchObject({ kind, codebookSize: 30, nominalCodebookSize: 30 });
  }
  assertSameConventions(cards);
  const end = events.find(({ type, quantizer }) => type === "run-end" && quantizer === "fsq") as Extract<
    ComparisonEvent,
    { type: "run-end" }
  >;
  expect(end.result.dir).toBe(path.join(out, "fsq-seed0"));
  expect(end.result.evaluation.figures.images).toBe(4);
}
