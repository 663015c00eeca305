import { readdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { StagedFolder } from "../../cli/staged-folder.js";
import { temporaryFolder } from "./harness.js";

describe("StagedFolder", () => {
  test("appears whole, with folders inside", async () => {
    const dir = await temporaryFolder();
    const out = path.join(dir, "new", "out");
    const folder = await StagedFolder.create(out);
    await writeFile(await folder.place("a/b.txt"), "b");
    await writeFile(await folder.place("c.txt"), "c");
    await expect(readdir(out)).rejects.toThrow(/ENOENT/);
    await folder.commit();
    expect(await readFile(path.join(out, "a", "b.txt"), "utf8")).toBe("b");
    expect((await readdir(out)).sort()).toEqual(["a", "c.txt"]);
    expect(await readdir(path.join(dir, "new"))).toEqual(["out"]);
  });

  test("discarded, it leaves nothing", async () => {
    const dir = await temporaryFolder();
    const folder = await StagedFolder.create(path.join(dir, "out"));
    await writeFile(await folder.place("a.txt"), "a");
    await folder.discard();
    expect(await readdir(dir)).toEqual([]);
  });

  test("that cannot be made is told in one line", async () => {
    const dir = await temporaryFolder();
    await symlink(path.join(dir, "nowhere", "deep"), path.join(dir, "dangling"));
    const out = path.join(dir, "dangling", "out");
    await expect(StagedFolder.create(out)).rejects.toMatchObject({
      name: "UsageError",
      message: expect.stringMatching(
        /^--out [^\n]+out: could not make the folder \(E[A-Z]+: [^,\n]+\)\. Choose/,
      ),
    });
    expect(await readdir(dir)).toEqual(["dangling"]);
  });

  test.each(["../a.txt", "a/../../b.txt", "/etc/a.txt", "."])("refuses the name %s", async (name) => {
    const dir = await temporaryFolder();
    const folder = await StagedFolder.create(path.join(dir, "out"));
    await expect(folder.place(name)).rejects.toThrow(/within the folder/);
    await folder.discard();
    expect(await readdir(dir)).toEqual([]);
  });
});
