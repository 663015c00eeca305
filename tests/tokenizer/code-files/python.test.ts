/**
 * Runs the Python of docs/formats.md, each example where an interpreter has the packages that it imports.
 * VQKIT_PYTHON names one; otherwise it is python3, or the operating system's.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CodeFormat, type Codes, codeFormats, writeCodes } from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { fingerprint } from "./arbitrary.js";

const { VQKIT_PYTHON } = process.env;
const interpreters = VQKIT_PYTHON === undefined ? ["python3", "/usr/bin/python3"] : [VQKIT_PYTHON];

/** Each example with the heading that it stands under. */
function examples(): { format: CodeFormat; code: string }[] {
  const text = readFileSync(new URL("../../../docs/formats.md", import.meta.url), "utf8");
  return text.split(/^## /m).flatMap((section) => {
    const format = section.split("\n")[0] as CodeFormat;
    // Other sections with Python have tests of their own.
    if (!codeFormats.includes(format)) return [];
    return [...section.matchAll(/^```python\n(.*?)^```/gms)].map(([, code = ""]) => ({ format, code }));
  });
}

/** The imports of an example, and an interpreter that has them. */
function needs(code: string): { imports: string; python: string | undefined } {
  const imports = code.split("\n").find((line) => line.startsWith("import ")) ?? "";
  const has = (python: string) => spawnSync(python, ["-c", imports], { stdio: "ignore" }).status === 0;
  return { imports, python: interpreters.find(has) };
}

const names = ["kätzchen/一.jpg", "shard.tar/2", "big.png", "big.png", 'quote".png'];

/** Two grids, tiles, names that are not ASCII. */
function batches(codebookSize: number, codebooks: number): Codes[] {
  const values = (length: number, first: number) => {
    const indices = codebookSize <= 65_536 ? new Uint16Array(length) : new Uint32Array(length);
    // The largest index is among them, and neighbours differ in high and low bits.
    return indices.map((_, i) => (i === 1 ? codebookSize - 1 : (first + i * 40_503) % codebookSize));
  };
  const image = (i: number) => ({ name: names[i] as string, width: 11, height: 8 });
  const tile = { top: 0, imageHeight: 8, imageWidth: 18, overlap: 4 };
  const common = { codebookSize, fingerprint };
  return [
    {
      ...common,
      indices: values(2 * 6 * codebooks, 5),
      shape: [2, 2, 3, codebooks],
      images: [image(0), image(1)],
    },
    {
      ...common,
      indices: values(2 * 5 * codebooks, 77),
      shape: [2, 5, 1, codebooks],
      images: [
        { ...image(2), tile: { ...tile, left: 0 } },
        { ...image(3), tile: { ...tile, left: 7 } },
      ],
    },
    { ...common, indices: values(6 * codebooks, 3), shape: [1, 2, 3, codebooks], images: [image(4)] },
  ];
}

/** [H, W, Q] as nested lists. */
function nested({ indices, shape: [count, height, width, codebooks] }: Codes): number[][][][] {
  let at = 0;
  const list = <T>(length: number, make: () => T): T[] => Array.from({ length }, make);
  return list(count, () =>
    list(height, () => list(width, () => list(codebooks, () => indices[at++] as number))),
  );
}

describe("the Python of docs/formats.md", () => {
  it("has at most ten lines for each format", () => {
    expect([...new Set(examples().map(({ format }) => format))]).toEqual(codeFormats);
    for (const { code } of examples()) expect(code.trimEnd().split("\n").length).toBeLessThanOrEqual(10);
  });

  describe.each(examples())("for $format", ({ format, code }) => {
    const { imports, python } = needs(code);
    it.skipIf(python === undefined)(
      `reads what was written (needs Python: ${imports})`,
      async () => {
        for (const [codebookSize, codebooks] of [
          [1000, 1],
          [65_537, 2],
        ] as const) {
          const folder = await temporaryFolder();
          const written = batches(codebookSize, codebooks);
          const tokens = format === "bin" ? { tokens: { offset: 500, validation: 0.5 } } : {};
          await writeCodes(join(folder, "codes"), written, { format, shardBytes: 5000, ...tokens });
          const result = "\nprint(json.dumps([[name, grid.tolist()] for name, grid in images]))\n";
          const env = { ...process.env, HF_HOME: folder, HF_HUB_OFFLINE: "1", PYTHONIOENCODING: "utf-8" };
          const run = spawnSync(python ?? "", ["-c", `${code}\nimport json${result}`], {
            cwd: folder,
            encoding: "utf8",
            env,
          });
          expect(run.status, run.stderr).toBe(0);
          const grids = written.flatMap(nested);
          expect(JSON.parse(run.stdout)).toEqual(names.map((name, i) => [name, grids[i]]));
        }
      },
      30_000,
    );
  });
});
