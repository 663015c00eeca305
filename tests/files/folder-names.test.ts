import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { makeFolder, namesIn } from "../../src/files/index.js";
import { temporaryFolder } from "../runs/temporary-folder.js";

/** What answers instead of the system's `mkdir`. */
const instead = vi.hoisted(() => ({ mkdir: undefined as ((dir: string) => Promise<unknown>) | undefined }));
vi.mock("node:fs/promises", async (original) => {
  const actual = await original<typeof import("node:fs/promises")>();
  return { ...actual, mkdir: (dir: string) => (instead.mkdir ?? actual.mkdir)(dir) };
});

afterEach(() => {
  instead.mkdir = undefined;
});

it("names what is in a folder; where a file stands, or above the folder, it says so", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "a.txt");
  await writeFile(file, "text");
  expect(await namesIn(folder)).toEqual(["a.txt"]);
  expect(await namesIn(join(folder, "nothing"))).toEqual([]);
  await symlink(file, join(folder, "link"));
  for (const path of [file, join(folder, "link")]) {
    const message = `${path}: expected a folder, got a file.`;
    await expect(namesIn(path)).rejects.toMatchObject({ code: "file", message });
  }
  const below = join(file, "b");
  await expect(namesIn(below)).rejects.toMatchObject({
    code: "file",
    message: `${below}: could not read the folder (ENOTDIR: not a directory). Check the path: a part of it is a file.`,
  });
});

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

it.each([
  ["the parent", "a/b", (dir: string) => mkdir(dirname(dir)), true],
  ["the parent and those above it", "a/b/c", (dir: string) => makeFolder(dirname(dir)), true],
  ["the folder itself", "a/b", (dir: string) => makeFolder(dir), false],
] as const)(
  "is made where another process makes %s right after the system's answer",
  async (_, below, make, ours) => {
    const dir = join(await temporaryFolder(), below);
    instead.mkdir = async (asked) => {
      instead.mkdir = undefined;
      try {
        return await mkdir(asked);
      } catch (error) {
        await make(asked);
        throw error;
      }
    };
    expect(await makeFolder(dir)).toBe(ours);
    expect(await readdir(dir)).toEqual([]);
  },
);

it("is given up where the folder above is there and the system says still that there is none, as under /proc", async () => {
  const dir = join(await temporaryFolder(), "a");
  const answer = new Error("ENOENT: no such file or directory, mkdir");
  instead.mkdir = () => Promise.reject(Object.assign(answer, { code: "ENOENT" }));
  await expect(makeFolder(dir)).rejects.toMatchObject({
    code: "file",
    message: `${dir}: could not make the folder (ENOENT: no such file or directory). Check the path.`,
  });
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
