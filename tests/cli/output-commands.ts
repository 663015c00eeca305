/** Every command that writes a folder, and what holds of all of them. */
import { chmod, chown, mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { expect, onTestFinished } from "vitest";
import { startProgram, temporaryFolder, vqkit } from "./harness.js";
import { modelAndPhotos } from "./model-and-photos.js";

/** Marks a folder of pictures, so that nobody takes them for images to train on. */
export const MARK = ".vqkit.json";
const DECODED = [MARK, "image0.png", "image1.png", "image2.png"];
const CODES = ["codes-6x10.npy", "images.jsonl", "manifest.json"];

/** What they read. */
export interface Sources {
  readonly shared: string;
  readonly photos: string;
  readonly model: string;
  /** Of the photos. */
  readonly codes: string;
}

/** A command as far as its --out, and what it leaves there. */
export interface OutputCommand {
  readonly name: string;
  readonly args: readonly string[];
  readonly files: readonly string[];
}

/** A model, three images and their codes. */
export async function sources(): Promise<Sources> {
  const { shared, photos, model } = await modelAndPhotos("vq", 3);
  const codes = path.join(shared, "codes");
  expect(await vqkit(["encode", model, photos, "--out", codes, "--quiet"])).toMatchObject({ code: 0 });
  return { shared, photos, model, codes };
}

export function outputCommands({ model, photos, codes }: Sources): readonly OutputCommand[] {
  return [
    { name: "decode", args: ["decode", model, codes], files: DECODED },
    { name: "encode", args: ["encode", model, photos], files: CODES },
    {
      name: "prune",
      args: ["prune", model, "--codes", codes],
      files: ["config.json", "model.safetensors", "remapping.json"],
    },
    {
      name: "export",
      args: ["export", model, "--to", "onnx", "--check", photos, "--threads", "1"],
      files: ["decoder.onnx", "encoder.onnx"],
    },
    {
      name: "export to Hugging Face",
      args: ["export", model, "--to", "huggingface"],
      files: ["README.md", "config.json", "model.safetensors", "preprocessor_config.json"],
    },
  ];
}

/** That of two that write into one folder at once, one does and the other says why it does not. */
export async function expectOneOfTwo(
  { model, codes }: Sources,
  { name, args, files }: OutputCommand,
): Promise<void> {
  const dir = await temporaryFolder();
  const out = path.join(dir, "out");
  const start = () => startProgram([...args, "--out", out, "--quiet"]).ended;
  const [winner, loser] = (await Promise.all([start(), start()])).sort(
    (a, b) => (a.code ?? -1) - (b.code ?? -1),
  );
  expect(winner).toMatchObject({ code: 0, stderr: "" });
  expect(loser?.code).toBeGreaterThan(0);
  // Who comes when all is done is refused for that.
  expect(loser?.stderr).toMatch(
    /^error: [^\n]+(locked by process \d+ on|which has files|with codes in it)[^\n]+\n$/,
  );
  expect((await readdir(out)).sort()).toEqual([...files].sort());
  const source = name === "encode" ? out : codes;
  expect((await vqkit(["decode", model, source, "--out", path.join(dir, "images")])).code).toBe(0);
}

/** Root may write anywhere, so its tests run as somebody else. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** That a folder of one's own is filled below one that is not. */
export async function expectFilledBelow(
  { shared, model }: Sources,
  { args, files }: OutputCommand,
): Promise<void> {
  const parent = await temporaryFolder();
  const out = path.join(parent, "out");
  await mkdir(out);
  if (nobody.uid !== undefined) await chown(out, nobody.uid, nobody.gid);
  await chmod(parent, 0o555);
  for (const dir of [shared, path.dirname(model)]) await chmod(dir, 0o755);
  onTestFinished(() => chmod(parent, 0o755));
  const { code, stderr } = await startProgram([...args, "--out", out, "--quiet"], nobody).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect((await readdir(out)).sort()).toEqual([...files].sort());
}
