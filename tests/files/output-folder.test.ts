import { mkdir, mkdtemp, readdir, readFile, rm, stat, statfs, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { LOCK_NAME, OutputFolder, type UnfitNameError } from "../../src/files/index.js";
import { temporaryFolder } from "../runs/temporary-folder.js";

const STAGING = ".vqkit-staging";

/** All files below a folder, by name. */
async function contents(dir: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(dir, { recursive: true })).sort()) {
    const path = join(dir, name);
    if ((await stat(path)).isFile()) found[name] = await readFile(path, "utf8");
  }
  return found;
}

test("a folder appears whole, with folders inside, and nothing above it is touched", async () => {
  const dir = await temporaryFolder();
  const out = join(dir, "new", "out");
  const folder = await OutputFolder.open(out);
  await folder.write("a/b.txt", "b");
  await folder.write("c.bin", Uint8Array.of(99));
  await writeFile(join(folder.staging, "d.txt"), "d");
  expect((await readdir(out)).sort()).toEqual([STAGING, LOCK_NAME].sort());
  expect(await readdir(join(dir, "new"))).toEqual(["out"]);
  await folder.commit();
  await folder.close();
  expect(await contents(out)).toEqual({ "a/b.txt": "b", "c.bin": "c", "d.txt": "d" });
  expect((await readdir(out)).sort()).toEqual(["a", "c.bin", "d.txt"]);
});

test("closed before its end, it leaves nothing: no folder of its own making, and no other change", async () => {
  const dir = await temporaryFolder();
  const made = await OutputFolder.open(join(dir, "out"));
  await made.write("a.txt", "a");
  await made.close();
  expect(await readdir(dir)).toEqual([]);
  await mkdir(join(dir, "taken"));
  await writeFile(join(dir, "taken", "a.txt"), "before");
  await expect(
    OutputFolder.fill(join(dir, "taken"), { overwrite: true }, async (folder) => {
      await folder.write("a.txt", "after");
      throw new Error("no more");
    }),
  ).rejects.toThrow("no more");
  expect(await contents(join(dir, "taken"))).toEqual({ "a.txt": "before" });
});

test("new files replace those of the same name, others stay", async () => {
  const out = await temporaryFolder();
  for (const name of ["a.txt", "b.txt"]) await writeFile(join(out, name), "before");
  await expect(OutputFolder.open(out)).rejects.toMatchObject({ code: "config", path: "out" });
  await OutputFolder.fill(out, { overwrite: true }, (folder) => folder.write("a.txt", "after"));
  expect(await contents(out)).toEqual({ "a.txt": "after", "b.txt": "before" });
});

test("while one fills it, another is told which process that is, and its files stand", async () => {
  const out = join(await temporaryFolder(), "out");
  const folder = await OutputFolder.open(out);
  await folder.write("a.txt", "a");
  for (const overwrite of [false, true]) {
    await expect(OutputFolder.open(out, { overwrite })).rejects.toMatchObject({
      code: "locked",
      message: expect.stringContaining(`process ${process.pid} on`),
    });
  }
  await folder.commit();
  await folder.close();
  expect(await contents(out)).toEqual({ "a.txt": "a" });
});

describe("what a killed process left", () => {
  const left = async (out: string): Promise<void> => {
    await mkdir(join(out, STAGING, "a"), { recursive: true });
    await writeFile(join(out, STAGING, "a", "old.txt"), "half");
    await writeFile(join(out, ".b.txt.vqkit-77-0.tmp"), "half");
    await writeFile(join(out, LOCK_NAME), JSON.stringify({ pid: process.pid, host: "elsewhere" }));
  };

  test("does not make the folder a taken one, and is cleared", async () => {
    const out = await temporaryFolder();
    await left(out);
    await expect(OutputFolder.open(out)).rejects.toMatchObject({
      code: "locked",
      message: expect.stringMatching(
        /on elsewhere\. Wait for it to end; if it has ended, remove \S+\.lock\.$/,
      ),
    });
    await rm(join(out, LOCK_NAME));
    await OutputFolder.fill(out, {}, (folder) => folder.write("new.txt", "new"));
    expect((await readdir(out)).sort()).toEqual(["new.txt"]);
  });
});

test.each(["lost+found", ".DS_Store", ".Trash-1000"])(
  "a folder with nothing but the system's own %s is empty",
  async (name) => {
    const out = await temporaryFolder();
    await mkdir(join(out, name));
    await OutputFolder.fill(out, {}, (folder) => folder.write("a.txt", "a"));
    expect((await readdir(out)).sort()).toEqual([name, "a.txt"].sort());
  },
);

test("that cannot be made is told in one line", async () => {
  const dir = await temporaryFolder();
  await symlink(join(dir, "nowhere", "deep"), join(dir, "dangling"));
  const out = join(dir, "dangling", "out");
  await expect(OutputFolder.open(out)).rejects.toMatchObject({
    code: "file",
    message: expect.stringMatching(/dangling[^\n]*: could not make the folder \(E[A-Z]+: [^,\n]+\)\./),
  });
  await writeFile(join(dir, "file"), "");
  await expect(OutputFolder.open(join(dir, "file"))).rejects.toMatchObject({
    code: "config",
    message: expect.stringContaining("expected a folder, got the file"),
  });
  for (const below of ["a", "a/b"]) {
    await expect(OutputFolder.open(join(dir, "file", below))).rejects.toMatchObject({
      code: "file",
      message: expect.stringMatching(
        /: could not make the folder \(ENOTDIR: [^\n]+a part of it is a file\.$/,
      ),
    });
  }
  expect((await readdir(dir)).sort()).toEqual(["dangling", "file"]);
});

describe("a name", () => {
  test.each([
    ...["../a.txt", "a/../../b.txt", "/etc/a.txt", ".", "", "a\0b"],
    ...[`${STAGING}/a.txt`, `${STAGING.toUpperCase()}/a.txt`, LOCK_NAME, `a/../${LOCK_NAME}`],
  ])("that is none within the folder is refused: %j", async (name) => {
    const dir = await temporaryFolder();
    const folder = await OutputFolder.open(join(dir, "out"));
    await expect(folder.write(name, "x")).rejects.toThrow(/within the folder/);
    await folder.close();
    expect(await readdir(dir)).toEqual([]);
  });

  test.each([
    ["too long", "b".repeat(300), /ENAMETOOLONG/],
    ["below a file", "a.txt/b.txt", /ENOTDIR|EEXIST/],
    ["of a file that there is", "a.txt", /EEXIST/],
    ["of a folder", "c", /EEXIST|EISDIR/],
  ])("%s is one that cannot be had; other files can", async (_, name, reason) => {
    const out = join(await temporaryFolder(), "out");
    await OutputFolder.fill(out, {}, async (folder) => {
      for (const file of ["a.txt", "c/d.txt"]) await folder.write(file, "x");
      await expect(folder.write(name, "y")).rejects.toMatchObject({
        name: "UnfitNameError",
        file: name,
        reason: expect.stringMatching(reason),
      });
    });
    expect(await contents(out)).toEqual({ "a.txt": "x", "c/d.txt": "x" });
  });

  test("whose place is taken by another kind is told, and the others appear", async () => {
    const out = await temporaryFolder();
    await mkdir(join(out, "b.txt"));
    await writeFile(join(out, "d"), "before");
    const folder = await OutputFolder.open(out, { overwrite: true });
    for (const name of ["a.txt", "b.txt", "c.txt", "d/e.txt"]) await folder.write(name, name);
    const unfit: UnfitNameError[] = [];
    await folder.commit({ onUnfit: (error) => unfit.push(error) });
    await folder.close();
    expect(unfit.map(({ file }) => file)).toEqual(["b.txt", "d/e.txt"]);
    expect(await contents(out)).toEqual({ "a.txt": "a.txt", "c.txt": "c.txt", d: "before" });
    await expect(
      OutputFolder.fill(out, { overwrite: true }, (again) => again.write("b.txt", "b")),
    ).rejects.toMatchObject({ name: "UnfitNameError", file: "b.txt" });
  });

  test("of as many bytes as the file system allows is no reason to fail", async () => {
    const out = join(await temporaryFolder(), "out");
    const name = "n".repeat(255);
    await OutputFolder.fill(out, {}, (folder) => folder.write(name, "x"));
    expect(await readdir(out)).toEqual([name]);
  });
});

const other = "/dev/shm";
const isOther = await statfs(other).then(
  async ({ type }) => type !== (await statfs(tmpdir())).type,
  () => false,
);

describe.skipIf(!isOther)("on another file system", () => {
  async function elsewhere(): Promise<string> {
    const dir = await mkdtemp(join(other, "vqkit-test-"));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    return dir;
  }

  test.each(["a link to a folder there", "a new folder below such a link"])("%s", async (kind) => {
    const dir = await temporaryFolder();
    await symlink(await elsewhere(), join(dir, "link"));
    const out = kind.startsWith("a new") ? join(dir, "link", "new") : join(dir, "link");
    await OutputFolder.fill(out, {}, (folder) => folder.write("a/b.txt", "b"));
    expect(await contents(out)).toEqual({ "a/b.txt": "b" });
    expect(await readdir(dir)).toEqual(["link"]);
  });

  test("a folder within the folder, with what a killed one left there", async () => {
    const [out, far] = [await temporaryFolder(), await elsewhere()];
    await symlink(far, join(out, "a"));
    await writeFile(join(far, ".copy.vqkit-77-0.tmp"), "half");
    const name = `${"n".repeat(251)}.txt`;
    await OutputFolder.fill(out, { overwrite: true }, async (folder) => {
      await folder.write(`a/${name}`, "there");
      await folder.write("b.txt", "here");
    });
    expect(await readdir(far)).toEqual([name]);
    expect(await readFile(join(far, name), "utf8")).toBe("there");
    expect((await readdir(out)).sort()).toEqual(["a", "b.txt"]);
  });
});
