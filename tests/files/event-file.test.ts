import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { EventFile } from "../../src/files/index.js";
import { temporaryFolder } from "../runs/temporary-folder.js";
import { eventFiles, scalars } from "../training/event-reader.js";

const begun = 1_700_000_000_250;
const figure = (scalar: number) => ({ type: "values" as const, values: [{ tag: "loss/a", scalar }] });

/** A new training of steps 1 to 5 with a checkpoint of step 3, and an event of step 3 behind it. */
async function training(dir: string): Promise<string> {
  let now = begun;
  const file = await EventFile.begin(dir, { resumedFrom: null, now: () => now });
  for (let step = 1; step <= 5; step++) {
    now += 100;
    await file.write(figure(step / 2), step);
    if (step !== 3) continue;
    await file.write({ type: "checkpoint" }, step);
    await file.write(figure(99), step);
  }
  await file.close();
  return file.path;
}

describe("an event file", () => {
  it("has the version first, then events with their times and steps", async () => {
    const dir = join(await temporaryFolder(), "a", "b");
    expect(await training(dir)).toBe(join(dir, "events.out.tfevents.1700000000.vqkit"));
    const [[version, first, ...rest] = []] = await eventFiles(dir);
    expect(version).toEqual({ wallTime: 1_700_000_000.25, step: 0, version: "brain.Event:2", values: [] });
    expect(first).toEqual({
      wallTime: 1_700_000_000.35,
      step: 1,
      values: [{ tag: "loss/a", scalar: 0.5 }],
    });
    expect(rest.map(({ step, status }) => [step, status])).toEqual([
      [2, undefined],
      [3, undefined],
      [3, 3],
      [3, undefined],
      [4, undefined],
      [5, undefined],
    ]);
  });

  it("is not begun for a new training where another one's are", async () => {
    const dir = await temporaryFolder();
    await training(dir);
    await expect(EventFile.begin(dir, { resumedFrom: null })).rejects.toMatchObject({
      code: "run",
      message: `${dir}: expected a folder without event files of another training, got events.out.tfevents.1700000000.vqkit. Choose another folder, or remove it.`,
    });
  });

  it("pictures, histograms and text are those of their descriptions", async () => {
    const dir = await temporaryFolder();
    const file = await EventFile.begin(dir, { resumedFrom: null });
    const png = await sharp({ create: { width: 7, height: 3, channels: 3, background: "#804020" } })
      .png()
      .toBuffer();
    const histogram = { start: 0, limits: [4, 8, 9], counts: [2, 0, 1], sum: 11, sumOfSquares: 65 };
    const values = [
      { tag: "p", picture: png },
      { tag: "h", histogram },
      { tag: "t", text: "größer" },
    ];
    await file.write({ type: "values", values }, 7);
    await file.close();
    const [[, event] = []] = await eventFiles(dir);
    expect(event?.values).toEqual([
      { tag: "p", picture: { width: 7, height: 3, png } },
      // minimum, maximum, number, sum, sum of squares
      { tag: "h", histogram: { figures: [0, 9, 3, 11, 65], limits: [4, 8, 9], counts: [2, 0, 1] } },
      { tag: "t", text: "größer" },
    ]);
  });
});

describe("a training that is resumed", () => {
  it.each([
    ["from a checkpoint, behind it", 3, [1, 2, 3]],
    ["from a step without one, before the next step", 4, [1, 2, 3, 3, 4]],
    ["from the beginning", 0, []],
  ])("%s: earlier events stand, later ones go", async (_, resumedFrom, steps) => {
    const dir = await temporaryFolder();
    const before = await training(dir);
    const file = await EventFile.begin(dir, { resumedFrom, now: () => begun });
    await file.write(figure(1), resumedFrom + 1);
    await file.close();
    // In the order of the names TensorBoard reads it last, though its clock says the same.
    expect(file.path).toBe(join(dir, "events.out.tfevents.1700000001.vqkit"));
    const files = await eventFiles(dir);
    expect(scalars(files, "loss/a").map(([step]) => step)).toEqual([...steps, resumedFrom + 1]);
    const [version, restart] = files[1] ?? [];
    expect(version?.version).toBe("brain.Event:2");
    expect(restart).toMatchObject({ step: resumedFrom + 1, status: 1 });
    expect(before < file.path).toBe(true);
  });

  it("cuts off what a killed process left half written, and touches no other files", async () => {
    const dir = await temporaryFolder();
    const path = await training(dir);
    const { length } = await readFile(path);
    await truncate(path, length - 5);
    await writeFile(join(dir, "events.out.tfevents.1600000000.other"), "not ours");
    await (await EventFile.begin(dir, { resumedFrom: 5 })).close();
    expect(await readFile(join(dir, "events.out.tfevents.1600000000.other"), "utf8")).toBe("not ours");
    await writeFile(join(dir, "events.out.tfevents.1600000000.other"), "");
    expect(scalars(await eventFiles(dir), "loss/a").map(([step]) => step)).toEqual([1, 2, 3, 3, 4]);
    expect(await readdir(dir)).toHaveLength(3);
  });
});
