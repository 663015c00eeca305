import { readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeFolder } from "../../src/files/index.js";
import { temporaryFolder } from "../runs/temporary-folder.js";

it("makes a folder with all above it, and says whether it was there", async () => {
  const folder = await temporaryFolder();
  const deep = join(folder, "a", "b", "c");
  expect(await makeFolder(deep)).toBe(true);
  expect(await makeFolder(deep)).toBe(false);
  expect(await makeFolder(`${join(folder, "a", "d")}/`)).toBe(true);
  expect(await readdir(join(folder, "a"))).toEqual(["b", "d"]);
  await symlink(deep, join(folder, "link"));
  expect(await makeFolder(join(folder, "link", "e"))).toBe(true);
  expect(await readdir(deep)).toEqual(["e"]);
});

it("is made by all who make it at the same time", async () => {
  const folder = await temporaryFolder();
  const made = await Promise.all(Array.from({ length: 20 }, () => makeFolder(join(folder, "x", "y", "z"))));
  expect(made.filter(Boolean)).toHaveLength(1);
});

it("names the folder that was asked for and the system's reason", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "file");
  await writeFile(file, "");
  await expect(makeFolder(file)).rejects.toMatchObject({
    code: "file",
    message: `${file}: could not make the folder (EEXIST: file already exists).`,
  });
  const below = join(file, "a", "b");
  await expect(makeFolder(below)).rejects.toMatchObject({
    message: `${below}: could not make the folder (ENOTDIR: not a directory). Check the path: a part of it is a file.`,
  });
  const dangling = join(folder, "dangling");
  await symlink(join(folder, "nowhere", "deep"), dangling);
  await expect(makeFolder(join(dangling, "a"))).rejects.toMatchObject({ code: "file" });
});
