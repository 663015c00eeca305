import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { RunCatalogue } from "../../src/ui/run-catalogue.js";
import { temporaryFolder, writeRun } from "../reports/runs.js";

async function names(...folders: readonly string[]): Promise<string[]> {
  const { runs } = await (await RunCatalogue.open(folders)).catalogue();
  return runs.map(({ name }) => name);
}

it("finds runs at any depth, in the order of their names, numbers as numbers", async () => {
  const dir = await temporaryFolder();
  for (const name of ["b/seed10", "b/seed9", "a"]) await writeRun(join(dir, name));
  await mkdir(join(dir, "empty"));
  expect(await names(dir)).toEqual(["a", "b/seed9", "b/seed10"]);
});

it("takes a run folder itself, once, by its own name", async () => {
  const dir = await temporaryFolder();
  await writeRun(join(dir, "mine"));
  expect(await names(join(dir, "mine"), join(dir, "mine"))).toEqual(["mine"]);
});

it("tells runs of several folders apart", async () => {
  const dir = await temporaryFolder();
  for (const name of ["old/a", "new/a"]) await writeRun(join(dir, name));
  expect(await names(join(dir, "old"), join(dir, "new"))).toEqual(["new/a", "old/a"]);
  expect(await names(dir, join(dir, "new"))).toHaveLength(2); // the folder inside shows nothing twice
});

it("follows no link, enters no hidden folder and no run, and takes no other config.json for a run", async () => {
  const [dir, outside] = await Promise.all([temporaryFolder(), temporaryFolder()]);
  await writeRun(join(outside, "secret"));
  await symlink(outside, join(dir, "link"));
  await symlink(join(outside, "secret"), join(dir, "linked-run"));
  await writeRun(join(dir, "run"));
  await writeRun(join(dir, "run", "inner"));
  await writeRun(join(dir, ".hidden", "run"));
  await mkdir(join(dir, "other"));
  await writeFile(join(dir, "other", "config.json"), "{}");
  expect(await names(dir)).toEqual(["run"]);
});

it("may be given a link, for that is the user's own word", async () => {
  const dir = await temporaryFolder();
  await writeRun(join(dir, "runs", "a"));
  await symlink(join(dir, "runs"), join(dir, "newest"));
  expect(await names(join(dir, "newest"))).toEqual(["a"]);
});

it("names a run by an id that stays, that no other has and that holds no path", async () => {
  const dir = await temporaryFolder();
  for (const name of ["a", "b"]) await writeRun(join(dir, name));
  const [first, again] = await Promise.all([RunCatalogue.open([dir]), RunCatalogue.open([join(dir, "b")])]);
  const { runs } = await first.catalogue();
  const [b] = (await again.catalogue()).runs;
  expect(runs.map(({ id }) => id)).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/), b?.id]);
  expect(runs[0]?.id).not.toBe(b?.id);
  expect((await first.find(b?.id ?? ""))?.name).toBe("b");
  expect(await first.find("../b")).toBeUndefined();
});

it.each([{ depth: 1 }, { folders: 3 }, { runs: 2 }])("says where it stopped looking: %j", async (limits) => {
  const dir = await temporaryFolder();
  for (const name of ["x/y/a", "x/y/b", "x/y/c"]) await writeRun(join(dir, name));
  const cut = await (await RunCatalogue.open([dir], limits)).catalogue();
  expect(cut.isCut).toBe(true);
  expect(cut.runs.length).toBeLessThan(3);
  const whole = await (await RunCatalogue.open([dir])).catalogue();
  expect(whole).toMatchObject({ isCut: false, runs: { length: 3 } });
});

it("refuses what is not there, and files", async () => {
  const dir = await temporaryFolder();
  await writeFile(join(dir, "file"), "");
  for (const name of ["none", "file"]) {
    await expect(RunCatalogue.open([join(dir, name)])).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining(`${join(dir, name)}: expected a folder of runs`),
    });
  }
});

it("is empty once its folder has gone", async () => {
  const dir = await temporaryFolder();
  await writeRun(join(dir, "runs", "a"));
  const catalogue = await RunCatalogue.open([join(dir, "runs")]);
  await rm(join(dir, "runs"), { recursive: true });
  expect(await catalogue.catalogue()).toEqual({ runs: [], isCut: false });
});
