/** Runs with anything in their files. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { parseHTML } from "linkedom";
import { expect } from "vitest";
import { temporaryFolder } from "../reports/runs.js";
import { served } from "./serve.js";

/** Numbers that a figure, a size or a step should not be, among those that it should. */
const number = fc.oneof(
  fc.integer({ min: 0, max: 2000 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -1, 1e-320, 1e300, -1e300, 2 ** 53),
);
const text = fc.constantFrom("vq", "", "<img src=x onerror=alert(1)>", "\u202egnp", "a".repeat(300));
const value = fc.oneof(
  { weight: 4, arbitrary: number },
  text,
  fc.constantFrom(null, true, [], {}, [1, -2], { a: [{}] }),
);
const quantizer = fc.oneof(
  fc.record({ kind: value, codebookSize: value, codeDim: value, levels: value }, { requiredKeys: [] }),
  value,
);
const config = fc.record(
  { quantizer, steps: value, seed: value, data: value, model: value },
  { requiredKeys: [] },
);
const figures = [
  "step",
  "totalLoss",
  "reconstructionLoss",
  "weightedCodebookLoss",
  "usageWindow",
  "samplesWindow",
  "perplexityWindow",
  "gradientNorm",
  "elapsedSeconds",
  "imagesPerSecond",
  "evaluationPsnr",
  "nonFinite",
  "anything<b>",
];
const record = fc.record(Object.fromEntries(figures.map((name) => [name, value])), { requiredKeys: [] });
const evaluation = fc.record(
  Object.fromEntries(
    ["psnr", "ssim", "usage", "used", "samples", "perplexity", "latentNorm"].map((name) => [name, value]),
  ),
  { requiredKeys: [] },
);
const summary = fc.record({
  conventions: fc.dictionary(fc.constantFrom("pixels", "psnr", "x"), value, { maxKeys: 3 }),
  figures: fc.record(
    {
      final: evaluation.map((each) => ({ images: 3, ...each })),
      training: fc.record({ steps: value, seconds: value }),
      quantizer: fc.record({ kind: value, codebookSize: value }),
      heldOut: fc.constant(true),
      seed: value,
    },
    { requiredKeys: ["final"] },
  ),
});
const run = fc.record({
  config,
  records: fc.array(record, { maxLength: 40 }),
  summary: fc.option(summary),
  isOrderly: fc.boolean(),
});

/** That runs which say anything at all are shown or refused in words: nothing breaks, nothing runs. */
export async function expectShownOrRefused(numRuns: number): Promise<void> {
  const dir = join(await temporaryFolder(), "runs");
  const { ask } = await served(dir.replace(/runs$/, "")); // a defect fails the test
  let shown = 0;
  let number = 0;
  await fc.assert(
    fc.asyncProperty(run, async (content) => {
      const folder = join(dir, String(++number));
      await mkdir(folder, { recursive: true });
      const write = (name: string, format: string, rest: object) =>
        writeFile(join(folder, name), JSON.stringify({ format, formatVersion: 1, ...rest }));
      await write("config.json", "vqkit-run", { config: content.config });
      if (content.summary !== null) await write("summary.json", "vqkit-summary", content.summary);
      const lines = content.records.map((each, i) =>
        JSON.stringify(content.isOrderly ? { ...each, step: i + 1 } : each),
      );
      await writeFile(join(folder, "metrics.jsonl"), lines.map((line) => `${line}\n`).join(""));
      const one = await served(folder);
      const list = await one.ask("/");
      expect(list.status).toBe(200);
      const [, id] = /\/runs\/([0-9a-f]{16})"/.exec(list.body) ?? [];
      for (const path of [`/runs/${id}`, `/runs/${id}/report`, `/compare?run=${id}`]) {
        const { status, body } = await one.ask(path);
        expect([200, 404, 422]).toContain(status);
        if (status === 200 && path.endsWith(String(id))) shown++;
        expect(parseHTML(body).document.querySelectorAll("[onerror]")).toHaveLength(0);
      }
    }),
    { numRuns, seed: 6 },
  );
  expect(shown).toBeGreaterThan(numRuns / 2);
  expect((await ask("/live")).status).toBe(200); // and all of them in one list
}
