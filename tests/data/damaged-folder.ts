/** Images of which some are damaged, in ten ways: training, encoding and evaluating tell of just these. */
import { mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { Random } from "../../src/core/random.js";
import { vqkit } from "../cli/harness.js";
import { useEngine } from "../engine.js";
import { DAMAGES } from "./damaged-images.js";
import { temporaryFolder } from "./temporary.js";

const samples = fileURLToPath(new URL("../../samples/photos", import.meta.url));
const SIDE = 48;

export interface DamagedFolder {
  readonly images: number;
  /** How many of them are damaged, a multiple of the ten ways. */
  readonly damaged: number;
  /** Of 64 images each: more than an epoch. */
  readonly steps: number;
}

const photos = `${await temporaryFolder()}/photos`;
const work = await temporaryFolder();
const model = path.join(work, "run");
/** By name from `photos`: what the cause has to say. */
const damaged = new Map<string, RegExp>();
const whole: string[] = [];

/** Crops of the sample photographs. Which of them are damaged is drawn; each kind of damage comes equally often. */
async function writePhotos({ images, damaged: count }: DamagedFolder): Promise<void> {
  const names = (await readdir(samples)).filter((name) => name.endsWith(".jpg"));
  const sources = await Promise.all(
    names.map((name) => sharp(path.join(samples, name)).raw().toBuffer({ resolveWithObject: true })),
  );
  const random = new Random(0, "damaged folder");
  const chosen = random.shuffled(Array.from({ length: images }, (_, i) => i)).slice(0, count);
  const writing: Promise<unknown>[] = [];
  for (let i = 0; i < images; i++) {
    const { data, info } = sources[i % sources.length] as (typeof sources)[number];
    const { width, height, channels } = info;
    const image = sharp(data, { raw: { width, height, channels } }).extract({
      left: random.integer(width - SIDE + 1),
      top: random.integer(height - SIDE + 1),
      width: SIDE,
      height: SIDE,
    });
    const folder = `part-${i % 7}`;
    await mkdir(path.join(photos, folder), { recursive: true });
    const at = chosen.indexOf(i);
    const damage = at < 0 ? undefined : DAMAGES[at % DAMAGES.length];
    const number = String(i).padStart(4, "0");
    const name = `${folder}/${damage === undefined ? number : `${number}-${damage.name}`}.${damage?.ending ?? "jpg"}`;
    const file = path.join(photos, name);
    if (damage === undefined) whole.push(name);
    else damaged.set(name, damage.cause);
    writing.push(damage?.put(file, image) ?? image.jpeg().toFile(file));
  }
  await Promise.all(writing);
}

/** The names told of, each with a cause that fits. */
function namesOf(broken: readonly { readonly file: string; readonly reason: string }[]): string[] {
  const names = broken.map(({ file, reason }) => {
    const name = file.replace(`${photos}/`, "");
    expect(reason, name).toMatch(damaged.get(name) ?? /^$/);
    expect(reason).not.toContain("\n");
    return name;
  });
  return names.sort();
}

/** The names on the terminal. */
const skippedIn = (stderr: string): string[] =>
  [...stderr.matchAll(/^skipped (\S+): ./gm)].map(([, file = ""]) => file.replace(`${photos}/`, "")).sort();

/** The tests; a file has them once. */
export function testDamagedFolder(size: DamagedFolder): void {
  beforeAll(async () => {
    await useEngine();
    await writePhotos(size);
  });

  test("are trained on, and just these are named", async () => {
    // A tenth of the images is held out and evaluated.
    const flags = `--steps ${size.steps} --quantizer fsq --levels 4,3 --preset tiny --downsampling-factor 4 --set model.baseWidth=8 --batch-size 64 --crop-size 16 --held-out 0.1 --set data.evaluationCropsPerImage=1 --set evaluateUntrained=false --threads 1 --seed 1`;
    const { code, stdout, stderr } = await vqkit([
      "train",
      photos,
      ...flags.split(" "),
      "--out",
      model,
      "--json",
    ]);
    expect(code).toBe(0);
    const { broken } = JSON.parse(stdout);
    expect(broken).toHaveLength(size.damaged);
    expect(namesOf(broken)).toEqual([...damaged.keys()].sort());
    expect(skippedIn(stderr)).toEqual([...damaged.keys()].sort());
    expect(stderr).toContain(`\n${size.damaged} images were skipped.\n`);
    const summary = JSON.parse(await readFile(path.join(model, "summary.json"), "utf8"));
    expect(summary.figures.brokenFiles).toBe(size.damaged);
  });

  test("are encoded, the whole ones all and the damaged ones named", async () => {
    const out = path.join(work, "codes");
    const { code, stdout, stderr } = await vqkit(["encode", model, photos, "--out", out, "--json"]);
    expect(code).toBe(0);
    const { images, skipped, broken } = JSON.parse(stdout);
    expect({ images, skipped }).toEqual({ images: size.images - size.damaged, skipped: size.damaged });
    expect(namesOf(broken)).toEqual([...damaged.keys()].sort());
    expect(skippedIn(stderr)).toEqual([...damaged.keys()].sort());
    const lines = (await readFile(path.join(out, "images.jsonl"), "utf8")).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).name).sort()).toEqual([...whole].sort());
  });

  test("are evaluated, and just these are named", async () => {
    const { code, stdout, stderr } = await vqkit(["evaluate", model, photos, "--json"]);
    expect(code).toBe(0);
    const { broken } = JSON.parse(stdout);
    expect(namesOf(broken)).toEqual([...damaged.keys()].sort());
    expect(skippedIn(stderr)).toEqual([...damaged.keys()].sort());
  });

  test("stop an encoding that is to be strict", async () => {
    const out = path.join(work, "strict");
    const { code, stderr } = await vqkit(["encode", model, photos, "--out", out, "--strict"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: \S+: expected a readable image \([^\n]+\), got [^\n]+\n$/);
    expect(await readdir(work)).not.toContain("strict");
  });
}
