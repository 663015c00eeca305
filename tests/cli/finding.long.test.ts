import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { compare, copyOf, done, FSQ, namesIn, PICTURES, passedOverLines, SMALL } from "./found.js";
import { vqkit } from "./harness.js";
import { modelAndPhotos } from "./model-and-photos.js";

const { photos: pictures, model } = await modelAndPhotos("fsq", PICTURES.length);
const photoFolder = () => copyOf(pictures);

describe("what vqkit wrote into the folder of images", () => {
  test("a comparison among the images is made, also right beside them", async () => {
    const photos = await photoFolder();
    const made = await vqkit(compare(photos, path.join(photos, "cmp")));
    expect([made.code, passedOverLines(made.stderr)]).toEqual([0, []]);
    // The second run has found the first.
    const { runs } = JSON.parse(await readFile(path.join(photos, "cmp/comparison-plan.json"), "utf8"));
    expect(runs).toHaveLength(2);
    const { json } = await done(["evaluate", model, photos, "--crop-size", "8"]);
    // Crops: 24×40 has 3 rows of 5.
    expect(json.conventions.evaluationImages).toBe(PICTURES.length * 15);
    expect(json.passedOver.folders).toEqual(
      ["", "/fsq-seed0", "/simvq-seed0"].map((name) => ({
        folder: `${photos}/cmp${name}`,
        kind: name === "" ? "comparison" : "run",
      })),
    );

    // A pattern that no shell has expanded stands for its runs.
    const missing = await vqkit(["compare", `${photos}/cmp/{fsq,vq}-seed0`]);
    expect(missing).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("/cmp/vq-seed0: expected run"),
    });
    const taken = await vqkit([
      "compare",
      `${photos}/cmp/*-seed?`,
      "--out",
      path.join(photos, "table"),
      "--json",
    ]);
    expect([taken.code, JSON.parse(taken.stdout).rows.length]).toEqual([0, 2]);

    const beside = await photoFolder();
    expect((await vqkit(compare(beside, beside))).code).toBe(0);
    expect(await readdir(beside)).toContain("comparison.png");
    await rm(path.join(beside, "simvq-seed0"), { recursive: true });
    const resumed = await vqkit(["compare", "--resume", beside]);
    expect([resumed.code, passedOverLines(resumed.stderr)]).toEqual([
      0,
      [`passed over 2 folders that vqkit wrote (${beside}: a comparison; ${beside}/fsq-seed0: a run)`],
    ]);
  });

  test("charts are no images", async () => {
    const photos = await photoFolder();
    const run = path.join(photos, "run");
    await done(["train", photos, ...FSQ, ...SMALL, "--steps", "1", "--out", run]);
    const plots = path.join(photos, "plots");
    expect((await vqkit(["report", run, "--plots", plots])).code).toBe(0);
    expect((await readdir(plots)).filter((name) => name.endsWith(".png"))).not.toEqual([]);
    const codes = path.join(photos, "codes");
    const { json } = await done(["encode", model, photos, "--out", codes]);
    expect(await namesIn(codes)).toEqual(PICTURES);
    expect(json.passedOver.folders).toEqual([
      { folder: plots, kind: "pictures" },
      { folder: run, kind: "run" },
    ]);
    // Charts among a person's own files make the folder none of ours.
    expect((await vqkit(["report", run, "--plots", photos])).code).toBe(0);
    expect(await readdir(photos)).not.toContain(".vqkit.json");
  });
});
