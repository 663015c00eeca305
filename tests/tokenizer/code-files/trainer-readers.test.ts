/** Runs the Python of docs/formats.md that feeds trainers, where an interpreter has NumPy. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Codes, type CodeWriterOptions, writeCodes } from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { codesOf } from "./samples.js";

const { VQKIT_PYTHON } = process.env;
const interpreters = VQKIT_PYTHON === undefined ? ["python3", "/usr/bin/python3"] : [VQKIT_PYTHON];
const python = interpreters.find(
  (name) => spawnSync(name, ["-c", "import numpy"], { stdio: "ignore" }).status === 0,
);

const text = readFileSync(new URL("../../../docs/formats.md", import.meta.url), "utf8");
const [, section = ""] = /^## Readers for trainers$(.*?)^## /ms.exec(text) ?? [];
const [batches = "", images = "", llamagen = ""] = [...section.matchAll(/^```python\n(.*?)^```/gms)].map(
  ([, code]) => code as string,
);

/** Three images, each and its mirror image; their labels. */
const codes: Codes = codesOf({ seed: 8, count: 6, codebooks: 1, codebookSize: 300 });
const labels = [1, 0, 1];
const viewed: Codes = {
  ...codes,
  images: Array.from({ length: 6 }, (_, i) => {
    const image = Math.floor(i / 2);
    const label = labels[image] as number;
    return { name: `${label}/${image}.jpg`, width: 12, height: 8, label, view: i % 2 };
  }),
};
/** The indices of an entry, of 2×3 positions. */
const row = (i: number): number[] => [...codes.indices.subarray(6 * i, 6 * i + 6)];

async function results(code: string, options: CodeWriterOptions): Promise<unknown> {
  const cwd = await temporaryFolder();
  await writeCodes(join(cwd, "codes"), [viewed], {
    classes: ["ape", "bat"],
    settings: { views: "flip" },
    ...options,
  });
  const run = spawnSync(python ?? "", ["-c", `${code}\n`], { cwd, encoding: "utf8" });
  expect(run.status, run.stderr).toBe(0);
  return JSON.parse(run.stdout);
}

describe.skipIf(python === undefined)("the readers of docs/formats.md (need Python: numpy)", () => {
  it("have a few lines each", () => {
    for (const code of [batches, images, llamagen]) {
      expect(code.trimEnd().split("\n").length).toBeGreaterThan(5);
      expect(code.trimEnd().split("\n").length).toBeLessThanOrEqual(10);
    }
  });

  it("batches of tokens: y is x, one further", async () => {
    const code = `${batches}\nimport json\nx, y = batch(50, 4)\nprint(json.dumps([tokens.tolist(), x.tolist(), y.tolist()]))`;
    const tokens = { offset: 1000, validation: 0 };
    const [stream, x, y] = (await results(code, { format: "bin", tokens })) as [
      number[],
      number[][],
      number[][],
    ];
    // 300 codes at 1000, so 1300 begins an image.
    expect(stream).toEqual([0, 1, 2, 3, 4, 5].flatMap((i) => [1300, ...row(i).map((index) => 1000 + index)]));
    const windows = stream.slice(4).map((_, i) => stream.slice(i, i + 5).join());
    for (const [i, each] of x.entries()) {
      const next = y[i] as number[];
      expect(each.slice(1)).toEqual(next.slice(0, 3));
      expect(windows).toContain([each[0], ...next].join());
    }
    expect(new Set(x.map((each) => each.join())).size).toBeGreaterThan(20);
  });

  it("images with labels: one of their views at random", async () => {
    const code = `${images}\nprint(json.dumps([[[codes.tolist(), label] for codes, label in (image(i) for _ in range(20))] for i in range(3)]))`;
    const found = (await results(code, { format: "npy" })) as [number[], number][][];
    for (const [i, draws] of found.entries()) {
      expect(new Set(draws.map(([indices]) => indices.join()))).toEqual(
        new Set([row(2 * i).join(), row(2 * i + 1).join()]),
      );
      expect(draws.every(([, label]) => label === labels[i])).toBe(true);
    }
  });

  it("LlamaGen's folders: [1, views, positions] and [1] of int64, an image a file", async () => {
    const code = `${llamagen}
found = []
for i in range(3):
    features = numpy.load(f"llamagen_flip/imagenet256_codes/{i}.npy")
    label = numpy.load(f"llamagen_flip/imagenet256_labels/{i}.npy")
    found.append([str(features.dtype), features.shape, features.tolist(), str(label.dtype), label.tolist()])
print(json.dumps([found, sorted(os.listdir("llamagen_flip/imagenet256_codes"))]))`;
    expect(await results(code, { format: "npy" })).toEqual([
      [0, 1, 2].map((i) => ["int64", [1, 2, 6], [[row(2 * i), row(2 * i + 1)]], "int64", [labels[i]]]),
      ["0.npy", "1.npy", "2.npy"],
    ]);
  });
});
