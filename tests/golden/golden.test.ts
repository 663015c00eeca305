import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RunFolder, readCodeTimeline } from "../../src/runs/index.js";
import { codeFormats, loadModel, openCodes } from "../../src/tokenizer/index.js";
import "../engine.js";

/** Every version of which golden files are kept: see README.md beside this file. */
const versions = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

interface Expected {
  readonly fingerprint: string;
  readonly steps: number;
  readonly samples: number;
  readonly used: number;
  readonly timeline: readonly {
    readonly step: number;
    readonly samples: number;
    readonly indices: readonly number[];
    readonly counts: readonly number[];
    readonly drift: number;
  }[];
  readonly weights: Readonly<Record<string, { readonly shape: readonly number[]; readonly first: number }>>;
  readonly codes: readonly {
    readonly name: string;
    readonly width: number;
    readonly height: number;
    readonly shape: readonly number[];
    readonly indices: readonly number[];
  }[];
}

it("keeps files of this version", () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"));
  expect(versions).toContain(version);
});

describe.each(versions)("files of version %s are read:", (version) => {
  const dir = join(import.meta.dirname, version);
  const expected = JSON.parse(readFileSync(join(dir, "expected.json"), "utf8")) as Expected;

  it("configuration, metrics, usage and summary of a run", async () => {
    const run = await RunFolder.open(join(dir, "run"));
    expect(await run.readConfig()).toMatchObject({
      steps: expected.steps,
      quantizer: { kind: "vq", codebookSize: 24 },
    });
    const steps: unknown[] = [];
    for await (const { step } of run.metrics()) steps.push(step);
    expect(steps).toEqual(Array.from({ length: expected.steps }, (_, i) => i + 1));
    const { counts } = await run.readUsage();
    expect([counts.samples, counts.used()]).toEqual([expected.samples, expected.used]);
    const { figures, conventions } = await run.readSummary();
    expect(Object.keys(conventions).length).toBeGreaterThan(0);
    expect(Object.keys(figures).length).toBeGreaterThan(0);
  });

  it("the timeline of codes", async () => {
    const timeline = await readCodeTimeline(await RunFolder.open(join(dir, "run")));
    expect(timeline).toMatchObject({ codebookSize: 24, numCodebooks: 1 });
    const found = timeline?.records.map(({ step, samples, codebooks, drift }) => ({
      step,
      samples,
      indices: [...(codebooks[0]?.indices ?? [])],
      counts: [...(codebooks[0]?.counts ?? [])],
      drift: drift?.[0]?.overall,
    }));
    expect(found).toEqual(expected.timeline);
  });

  it("the checkpoint", async () => {
    const run = await RunFolder.open(join(dir, "run"));
    const loaded = await run.checkpoints({ keep: 1 }).loadNewest();
    expect(loaded?.skipped).toEqual([]);
    expect(loaded?.checkpoint.step).toBe(expected.steps);
    const { weights } = loaded?.checkpoint ?? { weights: new Map() };
    expect([...weights.keys()].sort()).toEqual(Object.keys(expected.weights).sort());
  });

  it("the model, with the fingerprint that its codes have", async () => {
    const { model, fingerprint } = await loadModel(join(dir, "run"));
    try {
      expect(fingerprint).toBe(expected.fingerprint);
      const found = [...(await model.copyWeights())].map(([name, { shape, data }]) => [
        name,
        { shape, first: data[0] },
      ]);
      expect(Object.fromEntries(found)).toEqual(expected.weights);
    } finally {
      model.dispose();
    }
  });

  it.each(codeFormats)("codes of format %s", async (format) => {
    const reader = await openCodes(join(dir, "codes", format));
    expect(reader.manifest.fingerprint).toBe(expected.fingerprint);
    for (const [i, { shape, indices, ...image }] of expected.codes.entries()) {
      const codes = await reader.readEntry(i);
      expect(codes.images).toEqual([image]);
      expect(codes.shape).toEqual([1, ...shape]);
      expect([...codes.indices]).toEqual(indices);
    }
  });
});
