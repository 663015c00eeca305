import { spawnSync } from "node:child_process";
import { cp, readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { CodeRecord } from "../../src/metrics/index.js";
import { RunFolder, readCodeTimeline } from "../../src/runs/index.js";
import { TensorBoardLogger, Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { eventFiles, scalars } from "./event-reader.js";
import { loggedRun } from "./logger-cases.js";
import { drained, logged, tinyFolders } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();
const out = path.join(runs, "a");
const dir = path.join(out, "tensorboard");
const killed = path.join(runs, "killed");

/** TensorBoard's own reader, where Python has it. */
const { VQKIT_PYTHON } = process.env;
const interpreters = VQKIT_PYTHON === undefined ? ["python3"] : [VQKIT_PYTHON];
const needed = "import tensorboard.backend.event_processing.event_accumulator";
const python = interpreters.find((name) => spawnSync(name, ["-c", needed], { stdio: "ignore" }).status === 0);

let seconds = 1_700_000_000;

/** A run with event files, and what a process leaves of it that is killed behind step 5. */
beforeAll(async () => {
  await useEngine();
  const now = () => 1000 * seconds++;
  const trainer = await Trainer.create(loggedRun(images, { out, logEvery: 1 }), {
    loggers: [new TensorBoardLogger(null, { now })],
  });
  const filter = (file: string) => !file.endsWith(".lock");
  for await (const { step } of trainer.run()) {
    if (step === 5) await cp(out, killed, { recursive: true, filter });
  }
  trainer.dispose();
});

describe("TensorBoardLogger", () => {
  it("writes every figure of every record, under its step and time", async () => {
    const [events = [], ...others] = await eventFiles(dir);
    expect(others).toEqual([]);
    const times = events.map(({ wallTime }) => wallTime);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times[0]).toBeGreaterThanOrEqual(1_700_000_000);
    expect(times.at(-1)).toBeLessThan(seconds);
    const lines = await logged(out);
    expect(lines.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    const groups = {
      "loss/totalLoss": "totalLoss",
      "loss/weightedCommitmentLoss": "weightedCommitmentLoss",
      "training/learningRate": "learningRate",
      "codebook/usageWindow": "usageWindow",
      "codebook/samplesEpoch": "samplesEpoch",
      "time/elapsedSeconds": "elapsedSeconds",
    };
    for (const [tag, name] of Object.entries(groups)) {
      // Scalars are single precision.
      const expected = lines.map(({ step, [name]: value }) => [step, Math.fround(value as number)]);
      expect(scalars([events], tag)).toEqual(expected);
    }
    const numbers = Object.entries(lines[0] ?? {}).filter(([name]) => name !== "step");
    const first = events.find(({ step, values }) => step === 1 && values.length > 1);
    expect(first?.values.map(({ tag }) => tag.replace(/^\w+\//, ""))).toEqual(numbers.map(([name]) => name));
  });

  it("writes evaluations once each, from the untrained model to the last", async () => {
    const { figures } = await (await RunFolder.open(out)).readSummary();
    const { untrained, final } = figures as Record<string, { psnr: number; bitsPerPixel: number }>;
    const found = scalars(await eventFiles(dir), "evaluation/psnr");
    expect(found.map(([step]) => step)).toEqual([0, 4, 6]);
    expect(found[0]?.[1]).toBe(Math.fround(untrained?.psnr as number));
    expect(found[2]?.[1]).toBe(Math.fround(final?.psnr as number));
    expect(scalars(await eventFiles(dir), "evaluation/bitsPerPixel").at(-1)?.[1]).toBe(
      Math.fround(final?.bitsPerPixel as number),
    );
  });

  it("writes pictures, histograms of chosen codes and the configuration", async () => {
    const [events = []] = await eventFiles(dir);
    const all = events.flatMap(({ step, values }) => values.map((value) => ({ step, ...value })));
    const strip = await readFile(path.join(out, "reconstructions/step-00000006.png"));
    const originals = await readFile(path.join(out, "reconstructions/originals.png"));
    const pictures = all.filter(({ picture }) => picture !== undefined);
    expect(pictures.map(({ step, tag, picture }) => [step, tag, picture?.png])).toEqual([
      [6, "images/originals", originals],
      [6, "images/reconstructions", strip],
    ]);
    const records = (await readCodeTimeline(await RunFolder.open(out)))?.records ?? [];
    const histograms = all.filter(({ tag }) => tag === "codes/chosen");
    expect(histograms.map(({ step }) => step)).toEqual([3, 6]);
    for (const [i, { histogram }] of histograms.entries()) {
      const { codebooks, samples } = records[i] as CodeRecord;
      const [{ indices, counts }] = codebooks as [CodeRecord["codebooks"][number]];
      const bars = new Array(16).fill(0);
      indices.forEach((index, at) => {
        bars[index] = counts[at];
      });
      // 16 codes are 16 buckets: bucket i is [i, i + 1).
      expect(histogram?.counts).toEqual(bars);
      expect(histogram?.limits).toEqual(bars.map((_, index) => index + 1));
      const sum = bars.reduce((total, count, index) => total + count * index, 0);
      expect(histogram?.figures.slice(0, 4)).toEqual([0, 16, samples, sum]);
    }
    const text = all.find(({ tag }) => tag === "configuration")?.text ?? "";
    expect(JSON.parse(text)).toMatchObject({ steps: 6, quantizer: { kind: "vq" } });
  });

  it("has no step twice when a killed run resumes, and tells TensorBoard to forget what it had read", async () => {
    const folder = path.join(killed, "tensorboard");
    expect(scalars(await eventFiles(folder), "loss/totalLoss").map(([step]) => step)).toEqual([
      1, 2, 3, 4, 5,
    ]);
    const trainer = await Trainer.resume(killed, { loggers: [new TensorBoardLogger()] });
    expect(trainer.resumed?.step).toBe(4);
    await drained(trainer.run());
    trainer.dispose();
    const files = await eventFiles(folder);
    const timeless = (all: typeof files) =>
      all
        .flat()
        .map(({ step, values }) => ({ step, values: values.filter(({ tag }) => !tag.startsWith("time/")) }))
        .filter(({ values }) => values.length > 0);
    expect(timeless(files)).toEqual(timeless(await eventFiles(dir)));
    expect(files).toHaveLength(2);
    expect(files[1]?.[1]).toMatchObject({ step: 5, status: 1 });
  });

  it("needs a folder, and takes no folder of another training", async () => {
    const nowhere = await Trainer.create(loggedRun(images, { steps: 1 }), {
      loggers: [new TensorBoardLogger()],
    });
    await expect(drained(nowhere.run())).rejects.toMatchObject({
      code: "logger",
      message: expect.stringMatching(/expected a folder, got none, and the run writes none/),
    });
    nowhere.dispose();
    const taken = await Trainer.create(loggedRun(images, { steps: 1, out: path.join(runs, "b", "a") }), {
      loggers: [new TensorBoardLogger(path.join(runs, "logs"))],
    });
    await drained(taken.run());
    taken.dispose();
    expect(scalars(await eventFiles(path.join(runs, "logs", "a")), "loss/totalLoss")).toHaveLength(1);
    const again = await Trainer.create(loggedRun(images, { steps: 1, out: path.join(runs, "c", "a") }), {
      loggers: [new TensorBoardLogger(path.join(runs, "logs"))],
    });
    await expect(drained(again.run())).rejects.toThrow(/event files of another training/);
    again.dispose();
  });
});

it.skipIf(python === undefined)(
  "TensorBoard's own reader reads it (needs Python: tensorboard)",
  async () => {
    const code = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator, STORE_EVERYTHING_SIZE_GUIDANCE
from tensorboard.util import tensor_util
events = EventAccumulator(sys.argv[1], STORE_EVERYTHING_SIZE_GUIDANCE).Reload()
tags = events.Tags()
scalars = {tag: [[e.step, e.wall_time, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]}
pictures = {tag: [[e.step, e.width, e.height, e.encoded_image_string.hex()] for e in events.Images(tag)] for tag in tags["images"]}
histograms = {tag: [[e.step, e.histogram_value.num, e.histogram_value.bucket] for e in events.Histograms(tag)] for tag in tags["histograms"]}
texts = {tag: [[e.step, tensor_util.make_ndarray(e.tensor_proto).item().decode()] for e in events.Tensors(tag)] for tag in tags["tensors"]}
print(json.dumps({"scalars": scalars, "pictures": pictures, "histograms": histograms, "texts": texts}))
`;
    for (const folder of [dir, path.join(killed, "tensorboard")]) {
      const { status, stdout, stderr } = spawnSync(python ?? "", ["-c", code, folder], { encoding: "utf8" });
      expect(status, stderr).toBe(0);
      const read = JSON.parse(stdout) as Record<string, Record<string, unknown[][]>>;
      const events = (await eventFiles(folder)).flat();
      const own = events.flatMap(({ step, wallTime, values }) =>
        values.map((value) => ({ step, wallTime, ...value })),
      );
      const byTag = (
        kind: "scalar" | "picture" | "histogram" | "text",
        row: (value: (typeof own)[number]) => unknown[],
      ) => {
        const found: Record<string, unknown[][]> = {};
        for (const value of own) {
          if (value[kind] !== undefined) found[value.tag] = [...(found[value.tag] ?? []), row(value)];
        }
        return found;
      };
      expect(read.scalars).toEqual(byTag("scalar", ({ step, wallTime, scalar }) => [step, wallTime, scalar]));
      expect(read.pictures).toEqual(
        byTag("picture", ({ step, picture }) => [
          step,
          picture?.width,
          picture?.height,
          picture?.png.toString("hex"),
        ]),
      );
      expect(read.histograms).toEqual(
        byTag("histogram", ({ step, histogram }) => [step, histogram?.figures[2], histogram?.counts]),
      );
      expect(read.texts).toEqual(byTag("text", ({ step, text }) => [step, text]));
      expect(Object.keys(read.scalars ?? {}).length).toBeGreaterThan(20);
    }
  },
  60_000,
);
