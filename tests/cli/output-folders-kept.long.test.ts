/** Where commands write: other file systems, folders below others', and two at a time. */
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  statfs,
  symlink,
  writeFile,
} from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { FolderLock } from "../../src/files/index.js";
import { temporaryFolder, vqkit } from "./harness.js";
import { expectFilledBelow, expectOneOfTwo, MARK, outputCommands, sources } from "./output-commands.js";

const given = await sources();
const { photos, model, codes } = given;
const commands = outputCommands(given);
const encode = commands.filter(({ name }) => name === "encode");

const far = "/dev/shm";
const hasFar = await statfs(far).then(
  async ({ type }) => type !== (await statfs(tmpdir())).type,
  () => false,
);

describe.skipIf(!hasFar)("a folder on another file system", () => {
  test.each(commands)("is filled by $name", async ({ args, files }) => {
    const [dir, target] = [await temporaryFolder(), await mkdtemp(path.join(far, "vqkit-test-"))];
    onTestFinished(() => rm(target, { recursive: true, force: true }));
    const out = path.join(dir, "out");
    await symlink(target, out);
    await mkdir(path.join(out, "lost+found")); // as in the root folder of a disk
    expect(await vqkit([...args, "--out", out, "--quiet"])).toMatchObject({ code: 0, stderr: "" });
    expect((await readdir(target)).sort()).toEqual([...files, "lost+found"].sort());
    expect(await readdir(dir)).toEqual(["out"]);
  });
});

describe("a folder that another process writes", () => {
  /** Of a machine that nothing is known of, so that it never ends. */
  const elsewhere = JSON.stringify({ pid: 7, host: "elsewhere", started: null });

  test.each(commands)("is refused to $name, with the way to take it over", async ({ args, files }) => {
    const out = path.join(await temporaryFolder(), "out");
    const lock = path.join(out, ".vqkit.lock");
    await mkdir(out);
    await writeFile(lock, elsewhere);
    for (const more of [[], ["--overwrite"]]) {
      expect(await vqkit([...args, "--out", out, "--quiet", ...more])).toEqual({
        code: 1,
        stdout: "",
        stderr: `error: ${out}: expected a folder that nobody else is writing, got one locked by process 7 on elsewhere. Wait for it to end; if it has ended, remove ${lock}.\n`,
      });
      expect(await readdir(out)).toEqual([".vqkit.lock"]);
    }
    await writeFile(lock, JSON.stringify({ pid: process.pid, host: hostname(), started: "1" }));
    await mkdir(path.join(out, ".vqkit-staging"));
    await writeFile(path.join(out, ".vqkit-staging", "left.png"), "by a process that was killed");
    expect(await vqkit([...args, "--out", out, "--quiet"])).toMatchObject({ code: 0 });
    expect((await readdir(out)).sort()).toEqual([...files].sort());
  });

  test("is refused to charts too", async () => {
    const out = path.join(await temporaryFolder(), "out");
    const lock = await FolderLock.acquire(out);
    const report = await vqkit(["report", codes, "--plots", out]);
    expect(report).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: [^\n]+locked by process \d+ on [^\n]+\n$/),
    });
    expect(await readdir(out)).toEqual([".vqkit.lock"]);
    lock.release();
    expect((await vqkit(["report", codes, "--plots", out])).code).toBe(0);
    expect((await readdir(out)).filter((name) => name.startsWith("."))).toEqual([MARK]);
  });
});

test.each(encode)(
  "of two that $name into one folder at once, one does and the other says why it does not",
  (command) => expectOneOfTwo(given, command),
);

test.skipIf(process.platform === "win32").each(encode)(
  "a folder of one's own below one that is not is filled by $name",
  (command) => expectFilledBelow(given, command),
);

describe("names that cannot be had", () => {
  /** Codes of images of these names. */
  async function encoded(names: readonly string[]): Promise<string> {
    const dir = await temporaryFolder();
    const images = path.join(dir, "images");
    for (const name of names) {
      const file = path.join(images, name);
      await mkdir(path.dirname(file), { recursive: true });
      await copyFile(path.join(photos, "image0.png"), file);
    }
    const out = path.join(dir, "codes");
    expect(await vqkit(["encode", model, images, "--out", out, "--quiet"])).toMatchObject({ code: 0 });
    return out;
  }

  /** Decodes, and says what there is then. */
  async function decoded(source: string, out: string, flags: readonly string[] = []) {
    const run = await vqkit(["decode", model, source, "--out", out, "--quiet", ...flags]);
    const all = (await readdir(out, { recursive: true })).filter((name) => name !== MARK);
    const files: string[] = [];
    for (const name of all.sort()) if ((await stat(path.join(out, name))).isFile()) files.push(name);
    return { ...run, files };
  }

  test("are named, and the others are there: an image where a folder has to be", async () => {
    const source = await encoded(["a.jpg", "a.png/deep/b.png", "c.png"]);
    const out = path.join(await temporaryFolder(), "out");
    expect(await decoded(source, out)).toEqual({
      code: 1,
      stdout: `2 images. Written: ${out}\n`,
      stderr: expect.stringMatching(
        /^not written: a\.png\/deep\/b\.png: (ENOTDIR|EEXIST): [^\n]+\nerror: 1 image of 3 could not be written under the name that the codes give; the others are in [^\n]+\n$/,
      ),
      files: ["a.png", "c.png"],
    });
  });

  test("names of folders count as taken, whatever comes first", async () => {
    const source = await encoded(["a/x.png/1.jpg", "a/y.jpg", "b.png/2.jpg", "b.webp"]);
    const out = path.join(await temporaryFolder(), "out");
    expect(await decoded(source, out)).toMatchObject({
      code: 0,
      stderr: "",
      files: ["a/x.png/1.png", "a/y.png", "b-2.png", "b.png/2.png"],
    });
  });

  test("names that grow too long, by an ending and by a number", async () => {
    const [full, short] = ["é".repeat(125), "n".repeat(251)];
    const source = await encoded([`${full}x.gif`, `${short}.gif`, `${short}.png`, "z.png"]);
    const out = path.join(await temporaryFolder(), "out");
    const run = await decoded(source, out, ["--json"]);
    expect({ ...run, stdout: JSON.parse(run.stdout) }).toMatchObject({
      code: 1,
      stdout: {
        dir: out,
        images: 3,
        unwritten: [{ file: `${short}-2.png`, reason: expect.stringContaining("ENAMETOOLONG") }],
      },
      stderr: expect.stringMatching(/\nerror: 1 image of 4 [^\n]+\n$/),
      files: [`${short}.png`, "z.png", `${full}x.png`],
    });
  });

  test("names that lead out of the folder, and one that is taken by a folder in it", async () => {
    const source = await encoded(["a.png", "b.png", "cc.png", "d.png"]);
    const lines = path.join(source, "images.jsonl");
    const text = await readFile(lines, "utf8");
    // As long as before, so that the manifest agrees.
    await writeFile(lines, text.replace("cc.png", "../c.x"));
    const out = path.join(await temporaryFolder(), "out");
    await mkdir(path.join(out, "b.png"), { recursive: true });
    await writeFile(path.join(out, "a.png"), "before");
    const run = await decoded(source, out, ["--overwrite"]);
    expect(run).toMatchObject({ code: 1, files: ["a.png", "d.png"] });
    expect(run.stderr).toMatch(
      /^not written: \.\.\/c\.png: not a name within the folder\nnot written: b\.png: E[A-Z]+: [^\n]+\nerror: 2 images of 4 [^\n]+\n$/,
    );
    expect(await readdir(path.join(out, ".."))).toEqual(["out"]);
    expect((await readFile(path.join(out, "a.png"))).subarray(1, 4).toString()).toBe("PNG");
  });
});
