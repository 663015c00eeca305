import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { RunFolder } from "../../../src/runs/index.js";
import {
  type ComparisonEvent,
  type ComparisonOptions,
  compareQuantizers,
  resumeComparison,
} from "../../../src/training/index.js";
import { useEngine } from "../../engine.js";
import { digestOf, drained, timeless, tinyFolders, tinyRun } from "../tiny-runs.js";

const NAMES = ["vq-steps2-seed0", "fsq-steps2-seed0", "vq-steps4-seed0", "fsq-steps4-seed0"];

const { images, runs } = await tinyFolders();
/** A comparison that was never interrupted. */
let whole: string;

beforeAll(async () => {
  await useEngine();
  whole = path.join(runs, "whole");
  await drained(compareQuantizers(options(whole)));
});

function options(out: string): ComparisonOptions {
  const { quantizer: _, ...base } = tinyRun(images, { checkpointEvery: 1 });
  const quantizers = [{ kind: "vq", codeDim: 8 }, "fsq"];
  return { base, quantizers, codebookSize: 16, sweep: { steps: [2, 4] }, out };
}

/** `name type` for each event, steps left out. */
function told(events: readonly ComparisonEvent[]): string[] {
  return events.flatMap(({ type, dir }) => (type === "step" ? [] : [`${path.basename(dir)} ${type}`]));
}

/** What a run came to: weights, metrics and figures, without what may differ between equal runs. */
async function outcome(dir: string): Promise<object> {
  const { figures, conventions } = await (await RunFolder.open(dir)).readSummary();
  const { training: _, ...rest } = figures;
  const [weights, picture] = await Promise.all(
    ["model.safetensors", "reconstructions.png"].map((file) => readFile(path.join(dir, file))),
  );
  return {
    weights: digestOf(weights as Buffer),
    picture: digestOf(picture as Buffer),
    metrics: await timeless(dir),
    figures: rest,
    conventions,
  };
}

it("a folder has one comparison at a time, which goes on undisturbed", async () => {
  const out = path.join(runs, "at once");
  const others = (): AsyncIterable<ComparisonEvent>[] => [
    compareQuantizers(options(out)),
    compareQuantizers({ ...options(out), overwrite: true }),
    resumeComparison(path.join(out, "..", "at once")),
  ];
  let steps = 0;
  for await (const event of compareQuantizers({
    ...options(out),
    sweep: {},
    base: { ...options(out).base, steps: 2 },
  })) {
    if (event.type !== "step" || ++steps !== 3) continue;
    for (const other of others()) {
      await expect(drained(other)).rejects.toMatchObject({
        code: "locked",
        message: expect.stringMatching(/at once: .*locked by process \d+ on/),
      });
    }
  }
  expect(steps).toBe(4); // two runs of two
  expect((await readdir(out)).sort()).toEqual(["comparison-plan.json", "fsq-seed0", "vq-seed0"]);
});

describe("resumeComparison", () => {
  it("keeps what is finished, goes on with what was begun and starts the rest: to the same result", async () => {
    const out = path.join(runs, "interrupted");
    for await (const event of compareQuantizers(options(out))) {
      if (event.type === "step" && event.index === 2 && event.metrics.step === 2) break;
    }
    expect((await readdir(out)).sort()).toEqual([...NAMES.slice(0, 3), "comparison-plan.json"].sort());
    const kept = await readFile(path.join(out, "vq-steps2-seed0", "metrics.jsonl"), "utf8");

    const events = await drained(resumeComparison(out));
    expect(told(events)).toEqual([
      "vq-steps2-seed0 run-kept",
      "fsq-steps2-seed0 run-kept",
      "vq-steps4-seed0 run-start",
      "vq-steps4-seed0 run-end",
      "fsq-steps4-seed0 run-start",
      "fsq-steps4-seed0 run-end",
    ]);
    const starts = events.filter((event) => event.type === "run-start");
    expect(starts.map(({ resumed }) => resumed?.step ?? null)).toEqual([2, null]);
    expect(events.filter(({ type }) => type === "step")).toHaveLength(2 + 4);
    expect(events.at(-1)).toMatchObject({ swept: { steps: 4 }, quantizer: "fsq", index: 3, total: 4 });

    expect(await readFile(path.join(out, "vq-steps2-seed0", "metrics.jsonl"), "utf8")).toBe(kept);
    for (const name of NAMES) {
      expect(await outcome(path.join(out, name)), name).toEqual(await outcome(path.join(whole, name)));
    }
    expect(told(await drained(resumeComparison(out)))).toEqual(NAMES.map((name) => `${name} run-kept`));
  });

  it("takes what a kill leaves: an empty folder, a run without a checkpoint, one without its summary", async () => {
    const out = path.join(runs, "killed");
    await cp(whole, out, { recursive: true });
    const at = (i: number, file = "") => path.join(out, NAMES[i] as string, file);
    await rm(at(0), { recursive: true });
    await mkdir(at(0));
    for (const file of ["summary.json", "model.safetensors", "checkpoints", "metrics.jsonl"]) {
      await rm(at(1, file), { recursive: true });
    }
    await rm(at(2, "summary.json"));
    await writeFile(at(3, "summary.json"), '{"format": "vqk');

    const events = await drained(resumeComparison(out));
    const starts = events.filter((event) => event.type === "run-start");
    expect(starts.map(({ resumed }) => resumed?.step ?? null)).toEqual([null, 0, 4, 4]);
    for (const name of NAMES) {
      expect(await outcome(path.join(out, name)), name).toEqual(await outcome(path.join(whole, name)));
    }
  });

  it("refuses a folder without a plan, a damaged plan, and a run that the plan does not know", async () => {
    const refused = (out: string, code: string, message: RegExp) =>
      expect(drained(resumeComparison(out))).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    await refused(
      path.join(runs, "nothing"),
      "run",
      /comparison was begun, got one without comparison-plan\.json/,
    );

    const out = path.join(runs, "other");
    await cp(whole, out, { recursive: true });
    const plan = path.join(out, "comparison-plan.json");
    const text = await readFile(plan, "utf8");
    for (const [damaged, message] of [
      [text.slice(0, 99), /expected JSON/],
      [text.replace("vq-steps2-seed0", "../../elsewhere"), /runs\[0\]\.folder/],
      [text.replace('"batchSize": 4', '"batchSize": 0'), /batchSize: expected an integer >= 1/],
    ] as const) {
      await writeFile(plan, damaged);
      await refused(out, "format", message);
    }
    await writeFile(plan, text.replaceAll('"learningRate": 0.004', '"learningRate": 0.003'));
    await refused(out, "run", /vq-steps2-seed0: .*learningRate is 0\.004, planned was 0\.003/);
    await writeFile(plan, text.replaceAll('"batchSize": 4', '"batchSize": 5'));
    await refused(out, "run", /vq-steps2-seed0: .*batchSize: expected 4/);
    expect(await readdir(path.join(out, NAMES[0] as string))).toContain("summary.json");
  });

  it("is what a second comparison in the same folder is told to do, unless it replaces the first", async () => {
    const out = path.join(runs, "begun");
    for await (const { type } of compareQuantizers(options(out))) if (type === "run-start") break;
    const other = { ...options(out), sweep: {}, quantizers: ["fsq"] };
    await expect(compareQuantizers(other).next()).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining("got one that was begun. Resume it"),
    });
    await drained(compareQuantizers({ ...other, overwrite: true }));
    expect(told(await drained(resumeComparison(out)))).toEqual(["fsq-seed0 run-kept"]);
  });

  it("never takes a run of an earlier comparison for its own", async () => {
    const out = path.join(runs, "replaced");
    await cp(whole, out, { recursive: true });
    // Stopped in its first run; the runs after it were finished by the earlier comparison.
    for await (const { type } of compareQuantizers({ ...options(out), overwrite: true })) {
      if (type === "run-start") break;
    }
    const first = await resumeComparison(out).next();
    expect(first.value).toMatchObject({ type: "run-start", index: 0 });
    for (const name of NAMES) expect(await readdir(path.join(out, name))).not.toContain("summary.json");
  });
});
