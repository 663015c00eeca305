import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { isTemporaryName, removeTemporaries, writeFileAtomic } from "../../src/files/index.js";
import { temporaryFolder } from "../runs/temporary-folder.js";

describe("writeFileAtomic", () => {
  it("writes text, bytes and parts, replacing what was there", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "a.bin");
    await writeFileAtomic(path, "größer");
    expect(await readFile(path, "utf8")).toBe("größer");
    await writeFileAtomic(path, Uint8Array.of(1, 2, 3));
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
    await writeFileAtomic(path, [Uint8Array.of(4), new Uint8Array(), Uint8Array.of(5, 6)]);
    expect([...(await readFile(path))]).toEqual([4, 5, 6]);
    expect(await readdir(folder)).toEqual(["a.bin"]);
  });

  it("leaves the previous file and no temporary one when it fails after any number of bytes", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "a.bin");
    await writeFileAtomic(path, "previous");
    for (let k = 0; k < 6; k++) {
      const cause = new Error(`after ${k}`);
      function* failing(): Generator<Uint8Array> {
        for (let i = 0; i < k; i++) yield Uint8Array.of(i);
        throw cause;
      }
      await expect(writeFileAtomic(path, failing())).rejects.toBe(cause);
      expect(await readdir(folder)).toEqual(["a.bin"]);
    }
    expect(await readFile(path, "utf8")).toBe("previous");
  });

  it("names the path and the reason: no folder, and a folder in the way", async () => {
    const folder = await temporaryFolder();
    const missing = join(folder, "none", "a.bin");
    await expect(writeFileAtomic(missing, "x")).rejects.toMatchObject({
      code: "file",
      message: `${missing}: could not write (ENOENT: no such file or directory). Check the path.`,
    });
    const taken = join(folder, "taken");
    await mkdir(taken);
    await expect(writeFileAtomic(taken, "x")).rejects.toMatchObject({
      code: "file",
      message: expect.stringMatching(/taken: could not write \(E[A-Z]+: [^\n]+$/),
    });
    expect(await readdir(folder)).toEqual(["taken"]);
  });

  it("fails in a read-only folder, and the file in it stands", async (context) => {
    const folder = await temporaryFolder();
    const path = join(folder, "a.bin");
    await writeFile(path, "previous");
    await chmod(folder, 0o555);
    // Permissions do not hold root back: give up root for this test where that is possible.
    if (process.geteuid?.() === 0 && process.seteuid !== undefined) {
      process.seteuid(65_534);
      onTestFinished(() => process.seteuid?.(0));
    }
    const writable = await writeFile(join(folder, "probe"), "").then(
      () => true,
      () => false,
    );
    if (writable) context.skip("this user may write into read-only folders");
    await expect(writeFileAtomic(path, "x")).rejects.toMatchObject({
      code: "file",
      message: `${path}: could not write (EACCES: permission denied). Check the permissions.`,
    });
    expect(await readFile(path, "utf8")).toBe("previous");
  });

  it("says why and what to do when the disk is full", async (context) => {
    // Writing to this device always fails with ENOSPC: the system's own error, as any file on a full disk gives it.
    const full = await writeFile("/dev/full", "x").then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error,
    );
    if (full?.code !== "ENOSPC") context.skip("no /dev/full here");
    const { fileError } = await import("../../src/files/file-errors.js");
    expect(fileError("runs/a/x", "write", full).message).toBe(
      "runs/a/x: could not write (ENOSPC: no space left on device). Free some space there.",
    );
  });
});

describe("removeTemporaries", () => {
  it("removes what a killed writer left, and nothing else", async () => {
    const folder = await temporaryFolder();
    for (const name of [".a.json.vqkit-17-0.tmp", ".b.vqkit-1-22.tmp", "a.json", "x.tmp", ".vqkit-1-2.tmp"]) {
      await writeFile(join(folder, name), "");
    }
    expect(await removeTemporaries(folder)).toBe(2);
    expect((await readdir(folder)).sort()).toEqual([".vqkit-1-2.tmp", "a.json", "x.tmp"]);
    expect(await removeTemporaries(join(folder, "none"))).toBe(0);
    expect(isTemporaryName("a.json")).toBe(false);
  });
});
