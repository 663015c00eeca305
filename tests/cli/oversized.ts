/** Commands of which a size enlarges the images more than twice. */
import { readdir } from "node:fs/promises";
import path from "node:path";
import { expect } from "vitest";
import { temporaryFolder, vqkit } from "./harness.js";

/** What makes a training small. */
export const TINY = [
  "--preset",
  "tiny",
  "--quiet",
  "--steps",
  "2",
  "--batch-size",
  "2",
  "--held-out",
  "0",
  "--threads",
  "1",
];
export const FSQ = ["--quantizer", "fsq", "--levels", "4,4"];
/** What is told, for images of 40×24 that are to have 64 rows. */
export const ENLARGED =
  /: expected at most twice the size of the images, got [\d.]+ times that of the middle one of 3 images: 40×24 would become \d+×64\..* \(--allow-oversize\)\.\n$/;

/** That such a command is refused by the name of its flag, writes nothing then, and does it with --allow-oversize. */
export async function expectOversizeRefused(args: (out: string) => string[], flag: string): Promise<void> {
  const dir = await temporaryFolder();
  const out = path.join(dir, "out");
  const refused = await vqkit(args(out));
  const text = refused.stderr.replace("would become 64×64", "would become 107×64");
  expect([refused.code, refused.stdout]).toEqual([2, ""]);
  expect(text).toMatch(ENLARGED);
  expect(refused.stderr.startsWith(`error: ${flag}:`), refused.stderr).toBe(true);
  expect(await readdir(dir)).toEqual([]);
  const confirmed = await vqkit([...args(out), "--allow-oversize"]);
  expect(confirmed.code, confirmed.stderr).toBe(0);
  expect(await readdir(out)).not.toEqual([]);
}
