import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../../src/files/index.js";
import {
  placesOf,
  TrainingPlanReader,
  trainingPlanId,
  writeTrainingPlan,
} from "../../../src/queue/compare/plan.js";
import { imageList } from "../../../src/queue/image-list.js";
import { SharedFolder } from "../../../src/queue/shared-folder.js";
import { temporaryFolder } from "../../data/temporary.js";

const root = await temporaryFolder();
const shared = new SharedFolder(root);
const files = Array.from({ length: 2001 }, (_, i) => ({
  path: path.join(root, "images", `${i}.png`),
  name: `${i}.png`,
}));

/** A plan of one run in a folder of its own, as the submitter writes it. */
async function written(
  name: string,
  changes: { config?: JsonObject; places?: Record<string, string>; names?: string[] } = {},
): Promise<string> {
  const dir = path.join(root, name);
  const { lines, digest } = imageList(files, shared);
  const plan = {
    runs: [{ name: "vq-seed0", config: changes.config ?? { threads: null }, isDone: false }],
    imagesDigest: digest,
    unusable: [{ file: "images/x.png", reason: "no image" }],
    threads: 3,
    places: changes.places ?? {},
  };
  await writeTrainingPlan(dir, plan, lines);
  return dir;
}

describe("a plan of trainings", () => {
  it("names images from the shared folder on, which may have another path elsewhere", async () => {
    const dir = await written("moved");
    const there = new SharedFolder("/srv/data");
    const { plan } = await TrainingPlanReader.open(dir, shared);
    const reader = await TrainingPlanReader.open(dir, there);
    const work = reader.training(0, { dir: "/srv/data/run" });
    expect(work.files).toEqual(
      files.map((file) => ({ ...file, path: file.path.replace(root, "/srv/data") })),
    );
    expect(work.unusable).toEqual([{ file: "/srv/data/images/x.png", reason: "no image" }]);
    expect(plan.runs[0]?.name).toBe("vq-seed0");
  });

  it("computes with the submitter's threads, with the worker's where machines may differ, and with the run's own before all", async () => {
    const open = await TrainingPlanReader.open(await written("threads"), shared);
    expect(open.training(0, { dir: "a" }).threads).toBe(3);
    expect(open.training(0, { dir: "a", threads: 5 }).threads).toBe(5);
    const said = await TrainingPlanReader.open(await written("said", { config: { threads: 2 } }), shared);
    expect(said.training(0, { dir: "a", threads: 5 }).threads).toBe(2);
  });

  it("is known by its bytes", async () => {
    const [a, b] = [await written("a"), await written("b", { config: { threads: 1 } })];
    const digests = [a, b].map(async (dir) => (await TrainingPlanReader.open(dir, shared)).digest);
    expect(new Set(await Promise.all(digests)).size).toBe(2);
    const images = path.join(a, "images.jsonl");
    await writeFile(images, (await readFile(images, "utf8")).replace("images/17.png", "images/18.png"));
    await expect(TrainingPlanReader.open(a, shared)).rejects.toThrow(/expected the images of the plan/);
  });

  it("leads nowhere else, by images, places or configurations", async () => {
    const outside = await written("outside", { places: { "weights.bin": "../weights.bin" } });
    const reader = await TrainingPlanReader.open(outside, shared);
    expect(() => reader.training(0, { dir: "a" })).toThrow(/within the shared folder/);
    const network = { kind: "perceptual", network: { weights: "/etc/passwd" } };
    const hidden = await written("hidden", { config: { objectives: [network] } });
    const read = await TrainingPlanReader.open(hidden, shared);
    expect(() => read.training(0, { dir: "a" })).toThrow(
      /expected files in the shared folder alone, got "\/etc\/passwd"/,
    );
    expect(() => imageList([{ path: path.join(root, "..", "a.png"), name: "a.png" }], shared)).toThrow(
      /^shared: /,
    );
  });

  it("places the files that configurations name", async () => {
    await mkdir(path.join(root, "nets"));
    const weights = path.join(root, "nets", "vgg.bin");
    await writeFile(weights, "");
    const config = {
      objectives: [{ kind: "perceptual", network: { weights } }],
      from: { model: path.join(root, "m") },
    };
    expect(placesOf([config, config], shared)).toEqual({
      [weights]: "nets/vgg.bin",
      [path.join(root, "m")]: "m",
    });
  });
});

describe("trainingPlanId", () => {
  it("is the same for the same runs, in whatever order their fields stand", () => {
    const id = trainingPlanId([{ a: 1, b: { c: [1, 2], d: null } }]);
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(trainingPlanId([{ b: { d: null, c: [1, 2] }, a: 1 }])).toBe(id);
    expect(trainingPlanId([{ a: 1, b: { c: [2, 1], d: null } }])).not.toBe(id);
  });
});
