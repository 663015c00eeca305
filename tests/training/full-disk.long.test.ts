import { type FileHandle, open, readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, expect, it, vi } from "vitest";
import { VqkitError } from "../../src/core/errors.js";
import { Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { drained, temporaryFolder, timeless, tinyRun, train, writeImages } from "./tiny-runs.js";

let images: string;
let runs: string;
let handles: FileHandle;

beforeAll(async () => {
  await useEngine();
  [images, runs] = [await temporaryFolder(), await temporaryFolder()];
  await writeImages(images, 4);
  const handle = await open(fileURLToPath(import.meta.url), "r");
  handles = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
});
afterEach(() => {
  vi.restoreAllMocks();
});

const options = (out: string) =>
  tinyRun(images, {
    quantizer: { kind: "fsq", levels: [4, 3] },
    out: path.join(runs, out),
    steps: 4,
    checkpointEvery: 2,
    evaluateUntrained: false,
  });

/** From its n-th write on, a disk without space. @returns how many writes there were */
function fullFrom(n: number): () => number {
  let writes = 0;
  const { write } = handles;
  vi.spyOn(handles, "write").mockImplementation(function (this: FileHandle, ...args: unknown[]) {
    if (++writes < n) return (write as (...all: unknown[]) => never).apply(this, args);
    const error: NodeJS.ErrnoException = new Error("ENOSPC: no space left on device, write");
    error.code = "ENOSPC";
    return Promise.reject(error) as never;
  });
  return () => writes;
}

it("a disk that is full from any write on is told in one line, and the run goes on to the same end", async () => {
  const count = fullFrom(Number.POSITIVE_INFINITY);
  await train(options("whole"));
  const writes = count();
  vi.restoreAllMocks();
  expect(writes).toBeGreaterThan(20);
  const expected = await timeless(path.join(runs, "whole"));
  // From the second on: without its config.json there is no run to go on with. Every write would take too long here.
  for (let n = 2; n <= writes; n += Math.max(1, Math.floor(writes / 7))) {
    const name = `full from ${n}`;
    fullFrom(n);
    const trainer = await Trainer.create(options(name));
    const error: unknown = await drained(trainer.run()).catch((reason: unknown) => reason);
    trainer.dispose();
    vi.restoreAllMocks();
    expect(error).toBeInstanceOf(VqkitError);
    expect(error).toMatchObject({
      code: "file",
      message: expect.stringMatching(
        /^[^\n]+ \(ENOSPC: no space left on device\)\. Free some space there\.$/,
      ),
    });
    const dir = path.join(runs, name);
    const names = [
      ...(await readdir(dir)),
      ...(await readdir(path.join(dir, "checkpoints")).catch(() => [])),
    ];
    expect(names.filter((each) => each.startsWith("."))).toEqual([]);
    const again = await Trainer.resume(dir);
    await drained(again.run());
    again.dispose();
    expect(await timeless(dir)).toBe(expected);
  }
});
