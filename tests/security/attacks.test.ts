/** What a file, a folder or a name from a stranger may try; docs/security.md has the list. */
import { execFileSync } from "node:child_process";
import { cp, lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it, test } from "vitest";
import { readConfigFile } from "../../cli/config-file.js";
import { gatherConfig } from "../../cli/gather-config.js";
import { printable, printJson, type Terminal } from "../../cli/terminal.js";
import { withValue } from "../../src/core/objects.js";
import { decodeImage, findImages } from "../../src/data/index.js";
import { tarItems } from "../../src/data/sources/tar-shard.js";
import {
  crc32,
  decodeNpy,
  decodeSafetensors,
  OutputFolder,
  parseJson,
  readSafetensors,
} from "../../src/files/index.js";
import { writeRunReport } from "../../src/reports/index.js";
import { RunFolder, readMetrics, readModelFile, writeModelFile } from "../../src/runs/index.js";
import { loadModel } from "../../src/tokenizer/model-loading.js";
import { pointName } from "../../src/training/comparison/sweep.js";
import { temporaryFolder, vqkit } from "../cli/harness.js";
import { outcomes, writeTar } from "../data/sources/shards.js";
import "../engine.js";

const golden = resolve(import.meta.dirname, "../golden/0.1.0");

async function written(name: string, content: string | Uint8Array): Promise<string> {
  const file = join(await temporaryFolder(), name);
  await writeFile(file, content);
  return file;
}

/** A finished run, with a picture, which golden files go without. */
async function copyGoldenRun(dir: string): Promise<void> {
  await cp(join(golden, "run"), dir, { recursive: true });
  const picture = sharp({ create: { width: 200, height: 200, channels: 3, background: "red" } });
  await picture.toFile(join(dir, "reconstructions.png"));
}

describe("a path that leads out", () => {
  const names = ["../evil.png", "a/../../evil.png", "/tmp/evil.png"];

  test("in a tar shard is a broken item; nothing is extracted", async () => {
    const file = join(await temporaryFolder(), "shard.tar");
    await writeTar(file, [...names.map((name) => [name, "x"] as const), ["good.png", "y"]]);
    const read = await outcomes(tarItems({ path: file, name: "shard.tar" }));
    expect(read.map(([, content]) => typeof content)).toEqual(["string", "string", "string", "object"]);
  });

  test("as the name of an image in codes is refused when images are written", async () => {
    const dir = join(await temporaryFolder(), "decoded");
    const folder = await OutputFolder.open(dir);
    try {
      for (const name of names) await expect(folder.write(name, "x")).rejects.toThrow(/within the folder/);
    } finally {
      await folder.close();
    }
  });

  test("as the name of a quantizer, which names the run folder, makes no folder", async () => {
    const dir = await temporaryFolder();
    await sharp({ create: { width: 64, height: 64, channels: 3, background: "red" } }).toFile(
      join(dir, "a.png"),
    );
    const before = await readdir(dir);
    const config = await written("a.json", JSON.stringify({ quantizer: { kind: "../../evil" } }));
    const { code, stderr } = await vqkit(["train", join(dir, "a.png"), "--config", config]);
    expect(code).toBe(2);
    expect(stderr).toContain("Unknown quantizer");
    expect(await readdir(dir)).toEqual(before);
  });

  test("as a value of a sweep, which names run folders too, is no path", () => {
    for (const value of ["../../evil", "..\\evil", "/evil", "\0"]) {
      expect(basename(join("runs", `vq-${pointName({ "data.images": value })}-seed0`))).toMatch(
        /^vq-images[\w.-]+-seed0$/,
      );
    }
  });
});

test("HTML in the name of a folder, and in figures, is text in a report", async () => {
  const dir = join(await temporaryFolder(), "<img src=x onerror=alert(1)>");
  await copyGoldenRun(dir);
  const config = join(dir, "config.json");
  await writeFile(
    config,
    (await readFile(config, "utf8")).replace('"images": "images"', '"images": "<script>1</script>"'),
  );
  await writeRunReport(await RunFolder.open(dir));
  const page = await readFile(join(dir, "report.html"), "utf8");
  expect(page).toContain("&lt;img src=x onerror=alert(1)&gt;");
  expect(page).not.toContain("<img src=x");
  expect(page).not.toContain("<script>1");
});

test("HTML in the names of images is text in a report of them, and no image that is none is shown", async () => {
  const folder = join(await temporaryFolder(), "<b onclick=alert(1)>");
  await mkdir(folder);
  const picture = sharp({ create: { width: 24, height: 16, channels: 3, background: "red" } });
  await picture.toFile(join(folder, "<img src=x onerror=alert(1)>.png"));
  await writeFile(join(folder, "<script>alert(1)<∕script>.png"), "<script>alert(1)</script>");
  const run = join(await temporaryFolder(), "run");
  await copyGoldenRun(run);
  const page = join(run, "page.html");
  const { code, stderr } = await vqkit(["report", run, "--images", folder, "--html", page, "--json"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("1 image was skipped.") });
  const text = await readFile(page, "utf8");
  for (const tag of ["<img src=x", "<script>alert", "<b onclick"]) expect(text).not.toContain(tag);
});

describe("a decompression bomb", () => {
  /** A PNG whose header claims 60,000 × 60,000 pixels. */
  function bomb(): Buffer {
    const chunk = (type: string, data: Uint8Array): Buffer => {
      const body = Buffer.concat([Buffer.from(type), data]);
      const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
      length.writeUInt32BE(data.length);
      sum.writeUInt32BE(crc32(body));
      return Buffer.concat([length, body, sum]);
    };
    const header = Buffer.alloc(13);
    header.writeUInt32BE(60_000, 0);
    header.writeUInt32BE(60_000, 4);
    header.set([8, 2, 0, 0, 0], 8);
    return Buffer.concat([
      Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
      chunk("IHDR", header),
      chunk("IDAT", deflateSync(new Uint8Array(2 ** 20))),
      chunk("IEND", new Uint8Array()),
    ]);
  }

  test("as an image is refused by its header", async () => {
    await expect(decodeImage(bomb())).rejects.toMatchObject({
      reason: expect.stringContaining("over the limit"),
    });
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>';
    await expect(decodeImage(Buffer.from(svg))).rejects.toMatchObject({ code: "data" });
  });

  test("as YAML aliases is refused", async () => {
    const lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
    for (const [one, next] of ["ab", "bc", "cd", "de", "ef", "fg"].map(
      (pair) => [...pair] as [string, string],
    ))
      lines.push(`${next}: &${next} [${Array(10).fill(`*${one}`).join(", ")}]`);
    await expect(readConfigFile(await written("bomb.yaml", lines.join("\n")))).rejects.toThrow(/alias/i);
    await expect(readConfigFile(await written("deep.yaml", "[".repeat(100_000)))).rejects.toThrow(
      /deep\.yaml/,
    );
    await expect(readConfigFile(await written("deeper.yaml", "- ".repeat(100_000)))).rejects.toThrow(
      /nesting/,
    );
    await expect(readConfigFile(await written("long.yaml", `# ${"x".repeat(2 ** 18)}`))).rejects.toThrow(
      /at most/,
    );
  });
});

describe("prototype pollution", () => {
  const text = '{"__proto__":{"polluted":true}}';
  const polluted = (): unknown => (({}) as { polluted?: unknown }).polluted;

  test("through JSON and YAML is refused", async () => {
    expect(() => parseJson(Buffer.from(text), "a.json")).toThrow(/keys that name data, got "__proto__"/);
    expect(() => parseJson(Buffer.from(text.replace("__p", "\\u005f_p")), "a.json")).toThrow(/__proto__/);
    await expect(readConfigFile(await written("a.json", text))).rejects.toThrow(/__proto__/);
    await expect(readConfigFile(await written("a.yaml", "data:\n  __proto__: { x: 1 }\n"))).rejects.toThrow(
      /__proto__/,
    );
    await expect(readMetrics(await written("metrics.jsonl", `${text}\n`)).next()).rejects.toThrow(
      /__proto__/,
    );
    expect(() => withValue({}, "__proto__.polluted", true)).toThrow(/name of a setting/);
    expect(polluted()).toBeUndefined();
  });

  test("through the metadata of a safetensors file is a plain key", () => {
    const header = Buffer.from('{"__metadata__":{"__proto__":"x","constructor":"y"}}');
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(header.length));
    const { metadata } = decodeSafetensors(Buffer.concat([prefix, header]));
    expect(Object.entries(metadata)).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
    expect(polluted()).toBeUndefined();
  });

  test("two equal keys, of which programs read different ones, are refused", () => {
    expect(() => parseJson(Buffer.from('{"a":1,"\\u0061":2}'), "a.json")).toThrow(
      /each key once, got "a" twice/,
    );
  });
});

test("symbolic links in a data folder are not followed", async () => {
  const [outside, folder] = [await temporaryFolder(), await temporaryFolder()];
  const secret = join(outside, "secret.png");
  await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } }).toFile(secret);
  await symlink(secret, join(folder, "link.png"));
  await symlink(outside, join(folder, "folder"));
  await expect(findImages(folder)).rejects.toThrow(/Symbolic links are not followed \(2 found\)/);
  await expect(findImages(join(folder, "*.png"))).rejects.toThrow(/expected at least one image/);
});

test("symbolic links in a run folder lead no removal and no writing out of it", async () => {
  const [elsewhere, runs] = [await temporaryFolder(), await temporaryFolder()];
  const dir = join(runs, "run");
  const names = ["step-00000001.safetensors", ".step-00000001.safetensors.vqkit-1-1.tmp", "originals.png"];
  for (const name of names) await writeFile(join(elsewhere, name), "precious");
  const target = join(elsewhere, "model.safetensors");
  await writeFile(target, "precious");
  await cp(join(golden, "run"), dir, { recursive: true });
  for (const name of ["checkpoints", "reconstructions"]) {
    await rm(join(dir, name), { recursive: true, force: true });
    await symlink(elsewhere, join(dir, name));
  }
  await rm(join(dir, "model.safetensors"));
  await symlink(target, join(dir, "model.safetensors"));
  const folder = await RunFolder.create(dir, { overwrite: true });
  await folder.writeConfig({});
  expect((await readdir(elsewhere)).sort()).toEqual([...names, "model.safetensors"].sort());
  expect(await readFile(target, "utf8")).toBe("precious");
  expect(await readdir(dir)).toEqual(["config.json"]);
  // What is written takes the place of a link, and leaves what it leads to.
  await symlink(target, join(dir, "report.html"));
  await folder.writeFile("report", "<p>");
  expect(await readFile(target, "utf8")).toBe("precious");
  expect((await lstat(join(dir, "report.html"))).isFile()).toBe(true);
});

test.skipIf(process.platform === "win32")("a named pipe does not keep a reader waiting", async () => {
  const pipe = join(await temporaryFolder(), "model.safetensors");
  execFileSync("mkfifo", [pipe]);
  await expect(readSafetensors(pipe)).rejects.toMatchObject({ code: "file" });
  await expect(decodeImage(pipe)).rejects.toMatchObject({ code: "data" });
});

describe("a huge claimed size", () => {
  test("is refused before anything is allocated", () => {
    const npy = Buffer.from(
      "\x93NUMPY\x01\0\x46\0{'descr': '<f8', 'fortran_order': False, 'shape': (4194304, 4194304), }\n",
      "latin1",
    );
    npy.writeUInt16LE(npy.length - 10, 8);
    expect(() => decodeNpy(npy)).toThrow(/expected 140737488355328 bytes/);
    const prefix = Buffer.alloc(16, 0xff);
    expect(() => decodeSafetensors(prefix)).toThrow(
      /header of at most 100000000 bytes, got 18446744073709551615/,
    );
  });

  it.each([
    ["codebook", { quantizer: { kind: "vq", codebookSize: 2 ** 24, codeDim: 2 ** 20 } }],
    ["linear layer", { quantizer: { kind: "simvq", codebookSize: 1, codeDim: 500 } }],
    [
      "width",
      { model: { baseWidth: 2 ** 40, widthMultipliers: [1, 2], residualBlocks: [0, 1], latentChannels: 4 } },
    ],
    [
      "depth",
      { model: { baseWidth: 4, widthMultipliers: [1, 2], residualBlocks: [0, 2 ** 40], latentChannels: 4 } },
    ],
  ])("of a model's %s is held against its weights", async (_, change) => {
    const { config, weights } = await readModelFile(join(golden, "run/model.safetensors"));
    const file = join(await temporaryFolder(), "model.safetensors");
    await writeModelFile(file, { weights, config: { ...(config as object), ...change } });
    await expect(loadModel(file)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(/expected a model of the file's \d+ numbers, got one of at least \d/),
    });
  });
});

describe("code", () => {
  test("that a configuration names is run only with leave", async () => {
    const module = await written("code.mjs", "globalThis.vqkitRan = true;");
    const config = await written("a.json", JSON.stringify({ quantizerModules: [module], data: "photos" }));
    await expect(gatherConfig([], { config }, [])).rejects.toThrow(/--allow-code/);
    expect("vqkitRan" in globalThis).toBe(false);
    await gatherConfig([], { config, allowCode: true }, []);
    expect("vqkitRan" in globalThis).toBe(true);
    Reflect.deleteProperty(globalThis, "vqkitRan");
  });
});

describe("control characters", () => {
  test("do not reach the terminal", async () => {
    const dir = await temporaryFolder();
    const { stderr, code } = await vqkit([
      "decode",
      "none",
      "no\u001b[2J\u202e\u009bcodes",
      "--out",
      join(dir, "c"),
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain("no\\x1b[2J\\u202e\\x9bcodes");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    expect(stderr).not.toMatch(/[\u001b\u009b\u202e]/);
  });

  test("but line breaks and tabs are shown as escapes, in JSON as JSON has them", () => {
    expect(printable("a\tb\r\n\u0007c ü 🐈")).toBe("a\tb\\x0d\n\\x07c ü 🐈");
    let text = "";
    const stdout = { write: (part: string) => (text += part) } as unknown as Terminal["stdout"];
    printJson({ stdout } as Terminal, { name: "\u009b31m\u202e" });
    expect(text).toContain("\\u009b31m\\u202e");
    expect(JSON.parse(text)).toEqual({ name: "\u009b31m\u202e" });
  });
});
