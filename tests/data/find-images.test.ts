import { mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { BrokenImage } from "../../src/data/batch.js";
import { findImages } from "../../src/data/find-images.js";
import { temporaryFolder } from "./temporary.js";

const root = await temporaryFolder();
const outside = await temporaryFolder();

/** Finding goes by names alone, so the files' content is not looked at here. */
async function put(file: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, "x");
}

const inTree = async (source: string | string[]) =>
  (await findImages(source)).map((file) => file.replace(`${root}/`, ""));

beforeAll(async () => {
  const kinds = ["a.jpg", "b.JPEG", "c.Png", "d.webp", "e.avif", "f.tif", "g.TIFF", "h.gif"];
  const tree = [...kinds, "sub/deeper/i.jpg", "sub-j.jpg", "Z.jpg", "i.svg", "notes.txt", "jpg", "k.jpg.bak"];
  for (const name of [...tree, ".hidden.jpg", ".cache/l.jpg", "x.png/m.jpg", "x.png/n.txt"]) {
    await put(`${root}/photos/${name}`);
  }
  await put(`${outside}/secret.jpg`);
  await symlink(outside, `${root}/photos/link`);
  await symlink(`${outside}/secret.jpg`, `${root}/photos/link.jpg`);
  await symlink(`${root}/photos`, `${root}/photos/sub/loop`);
  await symlink(`${root}/photos/sub`, `${root}/to-sub`);
  await put(`${root}/texts/a.txt`);
  await put(`${root}/texts/b/c.md`);
  await symlink(`${outside}/secret.jpg`, `${root}/texts/link.jpg`);
  for (const name of ["\u{ff21}.png", "\u{1f600}.png", "é.png", "e.png"])
    await put(`${root}/unicode/${name}`);
  await put(`${root}/odd[1]/a.png`);
});

describe("findImages", () => {
  it("finds all extensions in the whole tree, and neither dotfiles, links nor folders named like images", async () => {
    // "-" is U+002D, "/" U+002F, capitals come before small letters.
    const names = ["Z.jpg", "a.jpg", "b.JPEG", "c.Png", "d.webp", "e.avif", "f.tif", "g.TIFF", "h.gif"];
    const expected = [...names, "sub-j.jpg", "sub/deeper/i.jpg", "x.png/m.jpg"].map(
      (name) => `photos/${name}`,
    );
    expect(await inTree(`${root}/photos`)).toEqual(expected);
    expect(await inTree(`${root}/photos/../photos/`)).toEqual(expected);
  });

  it("tells of links and folders that are called like images", async () => {
    await mkdir(`${root}/odd-ones/empty.png/empty`, { recursive: true });
    for (const name of ["a.png", "full.jpg/b.png", "empty.png/notes.txt"])
      await put(`${root}/odd-ones/${name}`);
    await symlink(`${outside}/secret.jpg`, `${root}/odd-ones/link.jpg`);
    await symlink("nowhere", `${root}/odd-ones/gone.jpg`);
    await symlink(outside, `${root}/odd-ones/folder`);
    const link = "a symbolic link, which is not followed";
    const told: string[][] = [];
    const onBroken = ({ file, reason }: BrokenImage) =>
      told.push([file.replace(`${root}/odd-ones/`, ""), reason]);
    const found = await findImages(`${root}/odd-ones`, { onBroken });
    expect(found).toEqual(["a.png", "full.jpg/b.png"].map((name) => `${root}/odd-ones/${name}`));
    expect(told.splice(0)).toEqual([
      ["empty.png", "a folder"],
      ["gone.jpg", link],
      ["link.jpg", link],
    ]);
    // What one source names itself is followed, and no longer told of.
    await findImages([`${root}/odd-ones`, `${root}/odd-ones/link.jpg`], { onBroken });
    expect(told.splice(0).map(([file]) => file)).toEqual(["empty.png", "gone.jpg"]);
  });

  it("sorts by code point", async () => {
    // U+0065, U+00E9, U+FF21, U+1F600: UTF-16 order would put the last before the third.
    const names = ["e.png", "é.png", "\u{ff21}.png", "\u{1f600}.png"];
    expect(await inTree(`${root}/unicode`)).toEqual(names.map((name) => `unicode/${name}`));
  });

  it("takes globs, which follow no links and match no dotfiles", async () => {
    expect(await inTree(`${root}/photos/*.jpg`)).toEqual([
      "photos/Z.jpg",
      "photos/a.jpg",
      "photos/sub-j.jpg",
    ]);
    expect(await inTree(`${root}/photos/{sub,x.png}/**`)).toEqual([
      "photos/sub/deeper/i.jpg",
      "photos/x.png/m.jpg",
    ]);
    expect(await inTree(`${root}/photos/*/*.jpg`)).toEqual(["photos/x.png/m.jpg"]);
  });

  it("takes a list, and each file once", async () => {
    const list = [`${root}/photos/h.gif`, `${root}/photos/sub`, `${root}/photos/sub/**/*.jpg`];
    expect(await inTree(list)).toEqual(["photos/h.gif", "photos/sub/deeper/i.jpg"]);
  });

  it("makes relative sources absolute", async () => {
    expect(await inTree(path.relative(process.cwd(), `${root}/photos/a.jpg`))).toEqual(["photos/a.jpg"]);
  });

  it("reads an existing path as a path, whatever it looks like, and follows a link named as the source", async () => {
    expect(await inTree(`${root}/odd[1]`)).toEqual(["odd[1]/a.png"]);
    expect(await inTree(`${root}/to-sub`)).toEqual(["to-sub/deeper/i.jpg"]);
  });
});

describe("findImages refuses", () => {
  const cases: [what: string, source: () => string | string[], message: () => string][] = [
    [
      "what does not exist",
      () => [`${root}/photos`, `${root}/nowhere`],
      () => `${root}/nowhere: expected a folder, a file or a glob pattern, found nothing there.`,
    ],
    [
      "a folder without images",
      () => `${root}/texts`,
      () =>
        `${root}/texts/: expected at least one image (jpg, jpeg, jpe, jfif, png, webp, avif, tif, tiff, gif), ` +
        "found none among 2 files (1 .md, 1 .txt). Symbolic links are not followed (1 found).",
    ],
    [
      "a pattern without images",
      () => `${root}/texts/**/*.md`,
      () =>
        `${root}/texts/**/*.md: expected at least one image (jpg, jpeg, jpe, jfif, png, webp, avif, tif, tiff, gif), ` +
        "found none among 1 matches (1 .md).",
    ],
    [
      "SVG",
      () => `${root}/photos/i.svg`,
      () =>
        `${root}/photos/i.svg: expected a folder or an image file (jpg, jpeg, jpe, jfif, png, webp, avif, tif, tiff, gif).`,
    ],
  ];
  it.each(cases)("%s", async (_, source, message) => {
    await expect(findImages(source())).rejects.toMatchObject({ code: "data", message: message() });
  });
});
