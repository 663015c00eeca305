import { copyFile, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeSafetensors } from "../../src/files/index.js";
import { Checkpoints } from "../../src/runs/index.js";
import { checkpoint, expectFlipsDetected, folder } from "./saved-checkpoints.js";

describe("Checkpoints", () => {
  it("gives back a checkpoint whole, sections apart", async () => {
    const checkpoints = await folder();
    const path = await checkpoints.save(checkpoint(5));
    expect(path).toBe(join(checkpoints.dir, "step-00000005.safetensors"));
    expect(await checkpoints.loadNewest()).toEqual({ checkpoint: checkpoint(5), path, skipped: [] });
  });

  it("has none before the first is saved", async () => {
    const checkpoints = await folder();
    expect(await checkpoints.loadNewest()).toBeNull();
    await checkpoints.save(checkpoint(1));
    expect(await checkpoints.loadBest()).toBeNull();
  });

  it("keeps the newest and the newest best", async () => {
    const checkpoints = await folder(2);
    const kept: string[][] = [];
    for (const [step, best] of [
      [1, true],
      [2, true],
      [3, false],
      [4, false],
      [5, false],
      [6, true],
    ] as const) {
      await checkpoints.save(checkpoint(step), { best });
      kept.push((await checkpoints.list()).map((entry) => `${entry.step}${entry.best ? "!" : ""}`));
    }
    expect(kept).toEqual([
      ["1!"],
      ["2!", "1!"],
      ["3", "2!"],
      ["4", "3", "2!"],
      ["5", "4", "2!"],
      ["6!", "5"],
    ]);
    expect((await checkpoints.loadBest())?.checkpoint.step).toBe(6);
  });

  it("orders steps as numbers, beyond eight digits too", async () => {
    const checkpoints = await folder(2);
    await checkpoints.save(checkpoint(99_999_999));
    await checkpoints.save(checkpoint(100_000_000));
    expect((await checkpoints.list()).map(({ step }) => step)).toEqual([100_000_000, 99_999_999]);
  });

  it("saving after going back to an earlier step drops the later ones, even with keep = 1", async () => {
    const checkpoints = await folder(2);
    await checkpoints.save(checkpoint(10));
    await checkpoints.save(checkpoint(20));
    const narrow = new Checkpoints(checkpoints.dir, { keep: 1 });
    await narrow.save(checkpoint(15));
    expect((await narrow.list()).map(({ step }) => step)).toEqual([15]);
  });

  it("names a broken newest one and takes the one before, wherever it was cut", async () => {
    const checkpoints = await folder();
    await checkpoints.save(checkpoint(1));
    const path = await checkpoints.save(checkpoint(2));
    const bytes = await readFile(path);
    for (let part = 0; part < 64; part++) {
      await writeFile(path, bytes.subarray(0, Math.floor((bytes.length * part) / 64)));
      const loaded = await checkpoints.loadNewest();
      expect(loaded?.checkpoint).toEqual(checkpoint(1));
      expect(loaded?.skipped).toEqual([{ path, reason: expect.stringContaining(path) }]);
    }
  });

  it("detects a flipped bit in the values, and one in the header that changes what it says", () =>
    expectFlipsDetected(7));

  it("refuses a file under another step's name", async () => {
    const checkpoints = await folder();
    const path = await checkpoints.save(checkpoint(1));
    await rename(path, join(checkpoints.dir, "step-00000009.safetensors"));
    await expect(checkpoints.loadNewest()).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining("state of step 9, got that of 1"),
    });
  });

  it("says so when every checkpoint is broken", async () => {
    const checkpoints = await folder();
    for (const step of [1, 2]) await writeFile(await checkpoints.save(checkpoint(step)), "");
    await expect(checkpoints.loadNewest()).rejects.toMatchObject({
      code: "run",
      message: expect.stringMatching(/got 2 broken, the newest by: .*step-00000002\.safetensors/),
    });
  });

  it("refuses files that are no checkpoints", async () => {
    const checkpoints = await folder();
    const path = await checkpoints.save(checkpoint(1));
    await writeSafetensors(path, new Map(), { format: "vqkit" });
    await expect(checkpoints.loadNewest()).rejects.toMatchObject({ code: "run" });
  });

  it("ignores files of other names, and clears those in progress when it saves", async () => {
    const checkpoints = await folder(1);
    const path = await checkpoints.save(checkpoint(3));
    await copyFile(path, join(checkpoints.dir, "step-3.safetensors"));
    await copyFile(path, join(checkpoints.dir, "step-000000003.safetensors"));
    await writeFile(join(checkpoints.dir, ".step-00000009.safetensors.vqkit-9-9.tmp"), "half");
    await checkpoints.save(checkpoint(4));
    expect((await readdir(checkpoints.dir)).sort()).toEqual([
      "step-000000003.safetensors",
      "step-00000004.safetensors",
      "step-3.safetensors",
    ]);
  });

  it("a failed save leaves the earlier ones, prunes nothing and says why", async () => {
    const checkpoints = await folder(1);
    await checkpoints.save(checkpoint(1));
    const bad = { ...checkpoint(2), state: { loss: Number.NaN } };
    await expect(checkpoints.save(bad)).rejects.toMatchObject({ code: "numerics" });
    await expect(checkpoints.save({ ...checkpoint(2), step: 1.5 })).rejects.toMatchObject({ code: "run" });
    expect(await readdir(checkpoints.dir)).toEqual(["step-00000001.safetensors"]);
    await writeFile(join(checkpoints.dir, "file"), "");
    const blocked = new Checkpoints(join(checkpoints.dir, "file"), { keep: 1 });
    await expect(blocked.save(checkpoint(2))).rejects.toMatchObject({ code: "file" });
    expect((await checkpoints.loadNewest())?.checkpoint.step).toBe(1);
  });

  it.each([0, 1.5, Number.NaN])("refuses to keep %f", (keep) => {
    expect(() => new Checkpoints("x", { keep })).toThrow(expect.objectContaining({ code: "run" }));
  });
});
