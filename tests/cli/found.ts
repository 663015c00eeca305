/** Commands on folders of images, and what they tell of the folders. */
import { cp, readFile } from "node:fs/promises";
import path from "node:path";
import { expect } from "vitest";
import { temporaryFolder, vqkit } from "./harness.js";

/** What makes a training small. */
export const SMALL = [
  ...["--preset", "tiny", "--downsampling-factor", "2", "--crop-size", "16", "--batch-size", "2"],
  ...["--set", "model.baseWidth=4", "--set", "model.latentChannels=4", "--threads", "1"],
  ...["--set", "evaluateUntrained=false"],
];
export const FSQ = ["--quantizer", "fsq", "--levels", "4,3"];
/** A comparison of one step. */
export const compare = (photos: string, out: string, quantizers = "fsq,simvq"): string[] => [
  ...["compare", photos, ...SMALL, "--steps", "1", "--quantizers", quantizers, "--codebook-size", "8"],
  ...["--out", out],
];

/** The names of the images of these tests. */
export const PICTURES = [0, 1, 2, 3].map((i) => `image${i}.png`);

/** A new folder with the images of another. */
export async function copyOf(pictures: string): Promise<string> {
  const dir = await temporaryFolder();
  await cp(pictures, dir, { recursive: true });
  return dir;
}

/** Runs a command that is to end well; its JSON and what it told. */
// biome-ignore lint/suspicious/noExplicitAny: what `--json` prints differs from command to command
export async function done(args: readonly string[]): Promise<{ json: any; stderr: string }> {
  const { code, stdout, stderr } = await vqkit([...args, "--json"]);
  expect([code, stderr.split("\n").filter((line) => /^error/.test(line))]).toEqual([0, []]);
  return { json: JSON.parse(stdout), stderr };
}

/** The lines about what is no image. */
export const passedOverLines = (stderr: string): string[] => stderr.match(/^passed over .*$/gm) ?? [];

export async function namesIn(codes: string): Promise<string[]> {
  const lines = (await readFile(path.join(codes, "images.jsonl"), "utf8")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line).name);
}
