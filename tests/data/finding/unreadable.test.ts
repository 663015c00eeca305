import { chmod, mkdir, writeFile } from "node:fs/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { BrokenImage } from "../../../src/data/batch.js";
import { findImages } from "../../../src/data/find-images.js";
import { temporaryFolder } from "../temporary.js";
import { unprivileged } from "../unprivileged.js";

/** Folders that answer with an error of their own, as a disk that fails and a server that is gone do. */
const { failing } = vi.hoisted(() => ({ failing: new Map<string, string>() }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const readdir = (async (folder: string, options: object) => {
    const code = failing.get(folder);
    if (code === undefined) return real.readdir(folder, options);
    throw Object.assign(new Error(`${code}: made up, scandir '${folder}'`), { code });
  }) as typeof real.readdir;
  return { ...real, readdir };
});
afterEach(() => failing.clear());

async function tree(...files: string[]): Promise<string> {
  const root = await temporaryFolder();
  for (const file of files) {
    await mkdir(`${root}/${file.replace(/[^/]*$/, "")}`, { recursive: true });
    await writeFile(`${root}/${file}`, "x");
  }
  return root;
}

/** What is found, and what is told of, by name from the folder. */
async function look(root: string, source: string): Promise<{ files: string[]; broken: BrokenImage[] }> {
  const broken: BrokenImage[] = [];
  const files = await findImages(`${root}/${source}`, { onBroken: (one) => broken.push(one) });
  const inner = (file: string): string => file.replace(`${root}/`, "");
  return { files: files.map(inner), broken: broken.map((one) => ({ ...one, file: inner(one.file) })) };
}

const unreadable = (file: string, code: string) => ({
  file,
  reason: `a folder that cannot be read (${code})`,
  isFolder: true,
});

describe("a folder that cannot be read", () => {
  test("by its permissions is told of, and the rest is found", async () => {
    const root = await tree("a.png", "lost+found/b.png", "sub/private/c.png", "sub/d.png");
    const closed = [`${root}/lost+found`, `${root}/sub/private`];
    for (const folder of closed) await chmod(folder, 0);
    try {
      await unprivileged([root], async () => {
        const told = [unreadable("lost+found", "EACCES"), unreadable("sub/private", "EACCES")];
        expect(await look(root, "")).toEqual({ files: ["a.png", "sub/d.png"], broken: told });
        expect(await look(root, "**/*.png")).toEqual({ files: ["a.png", "sub/d.png"], broken: told });
        expect(await look(root, "*/*.png")).toEqual({ files: ["sub/d.png"], broken: told.slice(0, 1) });
        // Without anyone to tell, it is an error; and so it is where it is the source itself.
        const message = (folder: string) =>
          expect.stringContaining(`${folder}/: expected a readable folder, got`);
        await expect(findImages(root)).rejects.toMatchObject({
          code: "data",
          message: message(closed[0] ?? ""),
        });
        await expect(look(root, "lost+found")).rejects.toMatchObject({
          code: "data",
          message: `${root}/lost+found/: expected a readable folder, got EACCES.`,
        });
        await expect(look(root, "lost+found/*.png")).rejects.toMatchObject({
          code: "data",
          message: `${root}/lost+found/*.png: expected to be readable, got EACCES.`,
        });
      });
    } finally {
      for (const folder of closed) await chmod(folder, 0o755);
    }
  });

  test.each(["EIO", "ESTALE", "ENOENT", "EMFILE"])("because of %s is told of", async (code) => {
    const root = await tree("a.png", "b/c.png", "b/d/e.png", "f.png/g.png");
    failing.set(`${root}/b/d`, code);
    failing.set(`${root}/f.png`, code);
    const told = [unreadable("b/d", code), unreadable("f.png", code)];
    expect(await look(root, "")).toEqual({ files: ["a.png", "b/c.png"], broken: told });
  });

  test("is named where nothing else is found", async () => {
    const root = await tree("b/c.png", "notes.md");
    failing.set(`${root}/b`, "EIO");
    await expect(look(root, "")).rejects.toThrow(
      `found none among 1 files (1 .md). ${root}/b: a folder that cannot be read (EIO).`,
    );
  });
});
