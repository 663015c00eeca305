/** Runs the Python of docs/formats.md under timeline.vqt, which needs nothing but Python 3.8. */
import { spawnSync } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { CodeRecord } from "../../src/metrics/index.js";
import { RunFolder, readCodeTimeline } from "../../src/runs/index.js";
import { temporaryFolder } from "./temporary-folder.js";

const { VQKIT_PYTHON } = process.env;
const interpreters = VQKIT_PYTHON === undefined ? ["python3", "/usr/bin/python3"] : [VQKIT_PYTHON];
const needed = "import json, struct, sys, zlib; assert sys.version_info >= (3, 8)";
const python = interpreters.find((name) => spawnSync(name, ["-c", needed], { stdio: "ignore" }).status === 0);

const numCodebooks = 2;

const records: CodeRecord[] = [
  {
    step: 4,
    samples: 2 ** 35,
    codebooks: [
      { indices: Uint32Array.of(0, 130, 299), counts: Float64Array.of(2 ** 35 - 301, 300, 1) },
      { indices: Uint32Array.of(7), counts: Float64Array.of(2 ** 35) },
    ],
    drift: [
      { overall: 0.125, perCode: Float32Array.from({ length: 300 }, (_, i) => (i % 7) / 50) },
      { overall: 0.25, perCode: Float32Array.from({ length: 300 }, (_, i) => (i % 5) / 40) },
    ],
  },
  {
    step: 9,
    samples: 0,
    codebooks: [
      { indices: new Uint32Array(), counts: new Float64Array() },
      { indices: new Uint32Array(), counts: new Float64Array() },
    ],
    drift: null,
    replaced: [Uint32Array.of(0, 5, 298), new Uint32Array()],
  },
];

it.skipIf(python === undefined)("is read by the Python of docs/formats.md (needs Python 3.8)", async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, "runs"));
  const run = await RunFolder.create(join(folder, "runs", "a"));
  const log = await run.openTimeline({ codebookSize: 300, numCodebooks, from: 0 });
  for (const record of records) await log.append(record);
  await log.close();
  const text = await readFile(new URL("../../docs/formats.md", import.meta.url), "utf8");
  const [, code = ""] = /^## timeline\.vqt$.*?^```python\n(.*?)^```/ms.exec(text) ?? [];
  const result = "\nprint(json.dumps([header, records]))\n";
  const { status, stdout, stderr } = spawnSync(python ?? "", ["-c", code + result], {
    cwd: folder,
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  const [header, found] = JSON.parse(stdout.replaceAll("NaN", "null")) as [object, unknown[][]];
  const timeline = await readCodeTimeline(run);
  expect(header).toMatchObject({ codebookSize: 300, numCodebooks });
  const expected = timeline?.records.map(({ step, samples, codebooks, drift, replaced = [] }) => [
    step,
    samples,
    codebooks.map(({ indices, counts }) =>
      Object.fromEntries([...indices].map((index, i) => [index, counts[i]])),
    ),
    drift?.map(({ overall }) => overall) ?? null,
    drift?.map(({ perCode }) => [...perCode].map((each) => expect.closeTo(each, 5))) ?? null,
    replaced.map((indices) => [...indices]),
  ]);
  expect(found).toEqual(expected);
  expect(found[1]?.[5]).toEqual([[0, 5, 298], []]);
  expect(found[0]?.[2]).toEqual([{ "0": 2 ** 35 - 301, "130": 300, "299": 1 }, { "7": 2 ** 35 }]);
});
