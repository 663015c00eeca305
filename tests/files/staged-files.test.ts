import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { placeStagedFiles, removeStagedFiles, StagedFiles } from "../../src/files/index.js";
import { temporaryFolder } from "../runs/temporary-folder.js";

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe("StagedFiles", () => {
  it("shows nothing until the files are put into place", async () => {
    const dir = await temporaryFolder();
    await writeFile(join(dir, "a.txt"), "earlier");
    const files = StagedFiles.create(dir);
    await files.append("a.txt", bytes("one "));
    await files.append("b.txt", bytes("other"));
    await files.append("a.txt", bytes("two"));
    await files.rewriteStart("a.txt", bytes("ONE"));
    expect(files.lengths()).toEqual({ "a.txt": 7, "b.txt": 5 });
    expect([files.length("a.txt"), files.length("c.txt")]).toEqual([7, 0]);
    expect(Buffer.from(await files.read("a.txt", 2, 3)).toString()).toBe("E t");
    expect(await readFile(join(dir, "a.txt"), "utf8")).toBe("earlier");
    await files.sync();
    await placeStagedFiles(dir, ["a.txt", "b.txt"]);
    expect((await readdir(dir)).sort()).toEqual(["a.txt", "b.txt"]);
    expect(await readFile(join(dir, "a.txt"), "utf8")).toBe("ONE two");
    // As after a power cut: what is in place already is no fault, what is nowhere is one.
    await placeStagedFiles(dir, ["a.txt"]);
    await expect(placeStagedFiles(dir, ["none.txt"])).rejects.toMatchObject({ code: "file" });
  });

  it("is taken up again at the lengths that were noted down", async () => {
    const dir = await temporaryFolder();
    const killed = StagedFiles.create(dir);
    await killed.append("a.txt", bytes("kept"));
    await killed.sync();
    const lengths = killed.lengths();
    await killed.append("a.txt", bytes(" lost"));
    await killed.append("late.txt", bytes("lost"));
    const files = await StagedFiles.resume(dir, lengths);
    await files.append("a.txt", bytes(" and more"));
    await files.append("late.txt", bytes("new"));
    await files.sync();
    await placeStagedFiles(dir, ["a.txt", "late.txt"]);
    expect(await readFile(join(dir, "a.txt"), "utf8")).toBe("kept and more");
    expect(await readFile(join(dir, "late.txt"), "utf8")).toBe("new");
  });

  it("is not taken up again where bytes are missing", async () => {
    const dir = await temporaryFolder();
    await StagedFiles.create(dir).append("a.txt", bytes("four"));
    await expect(StagedFiles.resume(dir, { "a.txt": 5 })).rejects.toMatchObject({
      code: "format",
      message: `${join(dir, ".a.txt.partial")}: expected at least 5 bytes, got 4.`,
    });
    await expect(StagedFiles.resume(dir, { "b.txt": 1 })).rejects.toMatchObject({ code: "format" });
  });

  it("leaves what stood there when it is given up", async () => {
    const dir = await temporaryFolder();
    await writeFile(join(dir, "a.txt"), "earlier");
    const files = StagedFiles.create(dir);
    await files.append("a.txt", bytes("new"));
    await files.discard();
    await StagedFiles.create(dir).append("b.txt", bytes("new"));
    await removeStagedFiles(dir, ["b.txt", "none.txt"]);
    expect(await readdir(dir)).toEqual(["a.txt"]);
    expect(await readFile(join(dir, "a.txt"), "utf8")).toBe("earlier");
  });

  it("names the file that cannot be written", async () => {
    const dir = join(await temporaryFolder(), "none");
    await expect(StagedFiles.create(dir).append("a.txt", bytes("x"))).rejects.toMatchObject({
      code: "file",
      message: `${join(dir, "a.txt")}: could not write (ENOENT: no such file or directory). Check the path.`,
    });
  });
});
