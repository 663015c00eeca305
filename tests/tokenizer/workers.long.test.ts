/** As workers.test.ts, with what starts many threads and processes. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { BackendError } from "../../dist/src/backend/index.js";
import { VqkitError } from "../../dist/src/core/errors.js";
import { Tokenizer } from "../../dist/src/tokenizer/index.js";
import { noise, temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, quantizers, rawImage } from "./model.js";

const run = promisify(execFile);
const dist = path.resolve(import.meta.dirname, "../../dist");
const folder = await temporaryFolder();
let model: string;

beforeAll(async () => {
  await useEngine();
  model = await modelFile(folder, quantizers.fsq);
});

describe("loading in workers", () => {
  it("fails with the errors of loading, each of its type, and leaves no thread", async () => {
    const cases = [
      [{ threads: 0 }, BackendError, "runtime"],
      [{ engine: "tensorflow", device: "webgpu" }, BackendError, "runtime"],
      [{ quantizerModules: ["none.js"] }, VqkitError, "config"],
    ] as const;
    for (const [options, type, code] of cases) {
      const error = await Tokenizer.load(model, { workers: 2, ...options }).then(
        String,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(type);
      expect(error).toMatchObject({ code, message: expect.stringMatching(/^[^\n]+$/) });
    }
  });

  it("fails where a thread ends by itself", async () => {
    const module = path.join(folder, "exits.mjs");
    await writeFile(module, "process.exit(3);");
    await expect(Tokenizer.load(model, { workers: 2, quantizerModules: [module] })).rejects.toMatchObject({
      code: "engine",
      message: expect.stringContaining("got one that ended"),
    });
  });

  it("loads quantizers of one's own from their module", async () => {
    const module = path.join(dist, "samples/custom-quantizer.js");
    const own = path.join(folder, "own");
    const photos = path.join(folder, "two");
    await mkdir(photos);
    for (let i = 0; i < 2; i++)
      await noise(i, { height: 16, width: 16 })
        .image.png()
        .toFile(path.join(photos, `${i}.png`));
    await run(process.execPath, [
      path.join(dist, "cli/main.js"),
      ...["train", photos, "--quantizer", "sign", "--quantizer-module", module, "--preset", "tiny"],
      ...["--steps", "1", "--batch-size", "2", "--crop-size", "16", "--held-out", "0", "--out", own],
    ]);
    await expect(Tokenizer.load(own, { workers: 1 })).rejects.toMatchObject({ code: "format" });
    const tokenizer = await Tokenizer.load(own, { workers: 1, quantizerModules: [module] });
    expect((await tokenizer.encode(rawImage(1, { height: 16, width: 16 }))).shape[0]).toBe(1);
    await tokenizer.dispose();
  });
});

it.each(["", "await tokenizer.dispose();", "await tokenizer.close();", "process.exit(0);"])(
  "a process with workers ends by itself, silent: %s",
  async (end) => {
    const program = `
      import { Tokenizer } from ${JSON.stringify(path.join(dist, "src/index.js"))};
      const tokenizer = await Tokenizer.load(${JSON.stringify(model)}, { workers: 2 });
      const pixels = new Uint8Array(16 * 16 * 3);
      const codes = await tokenizer.encode({ pixels, height: 16, width: 16, channels: 3 });
      console.log(codes.shape.join());
      ${end}`;
    const { stdout, stderr } = await run(process.execPath, ["--input-type=module", "--eval", program], {
      timeout: 30_000,
    });
    expect({ stdout, stderr }).toEqual({ stdout: "1,4,4,1\n", stderr: "" });
  },
);
