import { mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { findImages } from "../../../src/data/find-images.js";
import { expandSource } from "../../../src/data/finding/source-pattern.js";
import { temporaryFolder } from "../temporary.js";

const root = await temporaryFolder();

/** Finding goes by names alone, so the files' content is not looked at here. */
async function put(...files: string[]): Promise<void> {
  for (const file of files) {
    await mkdir(path.dirname(`${root}/${file}`), { recursive: true });
    await writeFile(`${root}/${file}`, "x");
  }
}

/** What a pattern finds below the folder of this test file. */
async function found(pattern: string): Promise<string[]> {
  return (await findImages(`${root}/${pattern}`)).map((file) => file.replace(`${root}/`, ""));
}

const names = (source: string): readonly string[] => expandSource(source).names;

describe("braces mean what they mean in bash", () => {
  // The right side is what `printf '%s ' PATTERN` of bash 5 prints.
  test.each([
    ["p{8..11}", "p8 p9 p10 p11"],
    ["p{11..8}", "p11 p10 p9 p8"],
    ["s-{00098..00101}.tar", "s-00098.tar s-00099.tar s-00100.tar s-00101.tar"],
    ["{08..10}", "08 09 10"],
    ["{1..010..4}", "001 005 009"],
    ["{-2..1}", "-2 -1 0 1"],
    ["{0..20..8}", "0 8 16"],
    ["{20..0..8}", "20 12 4"],
    ["{a..e..2}", "a c e"],
    ["{c..a}", "c b a"],
    ["{x,y{1..2},{p,q}z}", "x y1 y2 pz qz"],
    ["{a,b}/{1..2}.png", "a/1.png a/2.png b/1.png b/2.png"],
    ["a{,-copy}.png", "a.png a-copy.png"],
    ["{a}{b,c}", "{a}b {a}c"],
    ["{1..3", "{1..3"],
    ["{1..}", "{1..}"],
    ["{}", "{}"],
    ["a\\{1..3\\}", "a{1..3}"],
    ["photo (1).png", "photo (1).png"],
  ])("%s", (pattern, expanded) => {
    // The last has a blank and is one name.
    const expected = pattern.includes(" ") ? [expanded] : expanded.split(" ");
    expect(expandSource(pattern)).toEqual({ names: expected, patterns: [] });
  });

  test("and may stand for 100,000 names, no more, which is told at once", () => {
    expect(names("{000001..100000}").at(-1)).toBe("100000");
    const braces = [
      "{0..100000}",
      "{1..1000000000000}",
      "{a,b}".repeat(50),
      `${"x".repeat(3000)}{1..9999}`,
      `{${"{a,b}".repeat(40)},c}`,
    ];
    for (const source of braces) {
      const start = performance.now();
      expect(() => expandSource(source)).toThrow(
        /^[^\n]{1,90}: expected braces that stand for at most 100000 names, got more\. Use \*, or several patterns\.$/,
      );
      expect(performance.now() - start).toBeLessThan(5000);
    }
  });

  test("also where they nest deeper than anyone writes: what is left is a name that does not exist", async () => {
    await expect(findImages("{a,".repeat(3000) + "}".repeat(3000))).rejects.toMatchObject({ code: "data" });
    await expect(findImages("{".repeat(20_000))).rejects.toMatchObject({ code: "data" });
  });
});

describe("a source with braces", () => {
  beforeAll(async () => {
    await put("n/1.png", "n/2.png", "n/9.png", "n/10.png", "n/11.png", "n/101.png", "n/{7..8}.png");
    await put("s/0098/a.png", "s/0099/b.png", "s/0100/c.png", "s/0101/d.png", "s/0099/notes.txt");
    await put("k/a.jpg", "k/b.png", "k/d.gif", "k/e.webp");
  });

  test("takes just the files named", async () => {
    expect(await found("n/{9..11}.png")).toEqual(["n/10.png", "n/11.png", "n/9.png"]);
    expect(await found("n/{2..1}.png")).toEqual(["n/1.png", "n/2.png"]);
    expect(await found("n/1{,0,01}.png")).toEqual(["n/1.png", "n/10.png", "n/101.png"]);
  });

  test("takes folders, and wildcards behind them", async () => {
    expect(await found("s/{0098..0100}")).toEqual(["s/0098/a.png", "s/0099/b.png", "s/0100/c.png"]);
    expect(await found("s/{0098..0101..3}/*.png")).toEqual(["s/0098/a.png", "s/0101/d.png"]);
  });

  test("tells the names that are missing, as of files named one by one", async () => {
    const missing = (pattern: string, of: number, list: string) => ({
      code: "data",
      message: `${root}/${pattern}: expected a file or a folder of each of the ${of} names, found nothing for ${list}.`,
    });
    const at = (...files: string[]) => files.map((file) => `${root}/${file}`).join(", ");
    await expect(found("n/{8..11}.png")).rejects.toMatchObject(
      missing("n/{8..11}.png", 4, `1: ${at("n/8.png")}`),
    );
    await expect(found("n/{001..103}.png")).rejects.toMatchObject(
      missing(
        "n/{001..103}.png",
        103,
        `102: ${at("n/001.png", "n/002.png", "n/003.png", "n/004.png", "n/005.png")} and 97 more`,
      ),
    );
    await expect(found("s/{0100..0102}")).rejects.toMatchObject(
      missing("s/{0100..0102}", 3, `1: ${at("s/0102")}`),
    );
  });

  test("is content with a match of one of its patterns: a list of endings need not all be there", async () => {
    expect(await found("k/*.{jpg,jpeg,png}")).toEqual(["k/a.jpg", "k/b.png"]);
    await expect(found("k/*.{avif,tif}")).rejects.toThrow("found none among 0 matches.");
    await expect(found("{k,nowhere}/*.gif")).resolves.toEqual(["k/d.gif"]);
  });

  test("is a path where there is a file of that name", async () => {
    expect(await found("n/{7..8}.png")).toEqual(["n/{7..8}.png"]);
    expect(await found("n/\\{7..8\\}.png")).toEqual(["n/{7..8}.png"]);
  });
});

describe("wildcards", () => {
  beforeAll(async () => {
    await put("w/photo (1).png", "w/photo (2).png", "w/!a.png", "w/b.png", "w/[c].png", "w/d{e}f1.png");
    await put("w/sub/x1.png", "w/sub/deep/x2.png", "w/.hidden/x3.png", "w/sub/.x4.png", "w/other/x5.png");
  });

  test.each([
    ["w/photo (?).png", ["w/photo (1).png", "w/photo (2).png"]],
    ["w/[!a-p]*.png", ["w/!a.png", "w/[c].png"]],
    ["w/!*.png", ["w/!a.png"]],
    ["w/\\[*.png", ["w/[c].png"]],
    ["w/d{e}f[[:digit:]].png", ["w/d{e}f1.png"]],
    ["w/@(b|photo*1*).png", ["w/b.png", "w/photo (1).png"]],
    ["w/*/x?.png", ["w/other/x5.png", "w/sub/x1.png"]],
    ["w/s*/**/x*.png", ["w/sub/deep/x2.png", "w/sub/x1.png"]],
    ["w/**/x*.png", ["w/other/x5.png", "w/sub/deep/x2.png", "w/sub/x1.png"]],
    ["w/.h*/*.png", ["w/.hidden/x3.png"]],
    ["w/sub/.*.png", ["w/sub/.x4.png"]],
    ["w/@(sub/deep|other)/*.png", ["w/other/x5.png", "w/sub/deep/x2.png"]],
  ])("%s", async (pattern, expected) => {
    expect(await found(pattern)).toEqual(expected);
  });

  test("over links say what a folder of links says", async () => {
    await put("cache/blobs/1.png", "cache/blobs/2.png", "cache/blobs/data.parquet");
    await mkdir(`${root}/cache/snapshot`);
    for (const name of ["1.png", "2.png", "data.parquet"])
      await symlink(`../blobs/${name}`, `${root}/cache/snapshot/${name}`);
    const links = "Symbolic links are not followed (2 found).";
    await expect(found("cache/snapshot/*.png")).rejects.toThrow(`found none among 2 matches. ${links}`);
    await expect(found("cache/snap*/{1,2}*")).rejects.toThrow(`found none among 2 matches. ${links}`);
    await expect(found("cache/snapshot/*")).rejects.toThrow("Symbolic links are not followed (3 found).");
    await expect(found("cache/snapshot")).rejects.toThrow("Symbolic links are not followed (3 found).");
    const told: string[] = [];
    await findImages(`${root}/cache/*/*.png`, {
      onBroken: ({ file, reason }) => told.push(`${file}: ${reason}`),
    });
    const link = "a symbolic link, which is not followed";
    expect(told).toEqual([1, 2].map((i) => `${root}/cache/snapshot/${i}.png: ${link}`));
  });
});

describe("on Windows, whose shells hand patterns on as they are", () => {
  test.each([
    ["photos\\*.jpg", "photos", "a.jpg", "sub/a.jpg"],
    ["C:\\data\\photos\\**\\*.png", "C:/data/photos", "x/y.png", "x/y.jpg"],
    ["\\\\server\\share\\2024\\IMG_*.JPG", "//server/share/2024", "IMG_1.JPG", "IMG_1/x.JPG"],
    ["..\\more (2)\\?.png", "../more (2)", "1.png", "11.png"],
    ["D:*.png", "", "D:x.png", "x.png"],
  ])("%s", (source, base, match, other) => {
    const { names: literal, patterns } = expandSource(source, path.win32);
    expect(literal).toEqual([]);
    expect(patterns.map((pattern) => pattern.base)).toEqual([base]);
    expect([match, other].map((name) => patterns[0]?.scope.has(name))).toEqual([true, false]);
  });

  test("braces are expanded as well", () => {
    const { names: shards } = expandSource("E:\\shards\\{08..10}.tar", path.win32);
    expect(shards).toEqual(["E:/shards/08.tar", "E:/shards/09.tar", "E:/shards/10.tar"]);
    const { patterns } = expandSource("a\\{b,c}\\*.png", path.win32);
    expect(patterns.map(({ base }) => base)).toEqual(["a/b", "a/c"]);
  });

  test("a name without wildcards stays one", () => {
    expect(expandSource("C:\\photos\\a.png", path.win32)).toEqual({
      names: ["C:/photos/a.png"],
      patterns: [],
    });
  });
});
