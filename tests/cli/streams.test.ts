/** Results that cannot be written, and progress that nobody reads. */
import { readdir } from "node:fs/promises";
import path from "node:path";
import { Writable } from "node:stream";
import { beforeAll, describe, expect, test } from "vitest";
import { run } from "../../cli/program.js";
import { temporaryFolder, vqkit } from "./harness.js";
import { modelAndPhotos } from "./model-and-photos.js";

/** A stream that answers every write with an error of the system, as those of a process do: again and again. */
class Broken extends Writable {
  readonly isTTY: boolean;
  readonly #code: string;

  constructor(code: string, { isTTY = false } = {}) {
    super({ autoDestroy: false });
    this.#code = code;
    this.isTTY = isTTY;
  }

  override _write(_chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    done(Object.assign(new Error(`${this.#code}: told by the system, write`), { code: this.#code }));
  }
}

class Sink extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const { shared, photos, model } = await modelAndPhotos("vq", 3);
const codes = path.join(shared, "codes");

beforeAll(async () => {
  expect(await vqkit(["encode", model, photos, "--out", codes, "--quiet"])).toMatchObject({ code: 0 });
});

async function withStdout(stdout: Writable, args: readonly string[]) {
  const stderr = new Sink();
  const code = await run(args, { stdout, stderr, signal: new AbortController().signal });
  return { code, stderr: stderr.text };
}

const commands: readonly [string, (out: string) => readonly string[]][] = [
  ["quantizers", () => ["quantizers"]],
  ["quantizers --json", () => ["quantizers", "--json"]],
  ["--version", () => ["--version"]],
  ["--help of a command", () => ["train", "--help"]],
  ["report", () => ["report", codes]],
  ["encode", (out) => ["encode", model, photos, "--out", out, "--quiet"]],
  ["decode", (out) => ["decode", model, codes, "--out", out, "--quiet", "--json"]],
  ["prune", (out) => ["prune", model, "--codes", codes, "--out", out, "--quiet"]],
  ["export", (out) => ["export", model, "--to", "huggingface", "--out", out, "--quiet"]],
  ["ui", () => ["ui", shared, "--port", "0"]],
];

describe("a result that cannot be written is an error of one line:", () => {
  test.each(commands)("%s", async (_, args) => {
    const out = path.join(await temporaryFolder(), "out");
    const { code, stderr } = await withStdout(new Broken("ENOSPC"), args(out));
    const error =
      "error: stdout: could not write the result (ENOSPC: told by the system). Free some space there, or write elsewhere.\n";
    expect({ code, stderr }).toEqual({ code: 1, stderr: error });
  });

  test.each([
    ["EIO", false],
    ["EDQUOT", false],
    ["EBADF", true],
  ])("also %s, to a terminal: %s", async (code, isTTY) => {
    const { stderr, ...rest } = await withStdout(new Broken(code, { isTTY }), ["quantizers"]);
    expect(rest.code).toBe(1);
    expect(stderr).toContain(`(${code}: told by the system)`);
  });

  test("and an error of the command itself is told first", async () => {
    expect(await withStdout(new Broken("ENOSPC"), ["quantizers", "--jsn"])).toEqual({
      code: 2,
      stderr: "error: unknown option '--jsn' (Did you mean --json?)\n",
    });
  });
});

test.each([
  ["EPIPE", false],
  ["EIO", true],
])("a reader that has left (%s) is no failure, and what is to be written is written", async (code, isTTY) => {
  const out = path.join(await temporaryFolder(), "plots");
  expect(await withStdout(new Broken(code, { isTTY }), ["report", codes, "--plots", out])).toEqual({
    code: 0,
    stderr: "",
  });
  expect((await readdir(out)).length).toBeGreaterThan(3);
});

test.each(["EPIPE", "EIO", "ENOSPC"])(
  "where progress cannot be written (%s), the command goes on without",
  async (code) => {
    const out = path.join(await temporaryFolder(), "images");
    const stdout = new Sink();
    const args = ["decode", model, codes, "--out", out];
    const signal = new AbortController().signal;
    expect(await run(args, { stdout, stderr: new Broken(code, { isTTY: code === "EIO" }), signal })).toBe(0);
    expect(stdout.text).toBe(`3 images. Written: ${out}\n`);
    expect((await readdir(out)).sort()).toEqual([".vqkit.json", "image0.png", "image1.png", "image2.png"]);
  },
);
