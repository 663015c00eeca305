/** What the commands make of folders that have more in them than images. */
import { execFileSync } from "node:child_process";
import { chmod, copyFile, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { IMAGE_EXTENSIONS } from "../../src/data/formats.js";
import { unprivileged } from "../data/unprivileged.js";
import { compare, copyOf, done, FSQ, namesIn, PICTURES, passedOverLines, SMALL } from "./found.js";
import { temporaryFolder, vqkit } from "./harness.js";
import { modelAndPhotos } from "./model-and-photos.js";

const { shared, photos: pictures, model } = await modelAndPhotos("fsq", PICTURES.length);
const photoFolder = () => copyOf(pictures);

describe("a folder with a file of every ending", () => {
  /** How often each comes; none of them is read by any command. */
  const OTHERS: Readonly<Record<string, number>> = {
    ...{ ".bmp": 3, ".heic": 2, ".parq": 2, ".txt": 4, ".json": 2 },
    ...Object.fromEntries(
      "heif jp2 jxl svg pdf psd raw cr2 nef dng ico tga ppm pgm exr hdr csv npy npz zip 7z mp4 mov md xmp jpg_large"
        .split(" ")
        .map((ending) => [`.${ending}`, 1]),
    ),
    "": 3,
  };
  const files = Object.values(OTHERS).reduce((sum, count) => sum + count, 0);
  const shards = ["a.tar", "B.TAR", "c.parquet"];
  const photos = path.join(shared, "every-ending");
  /** Everything in it but folders and hidden names. */
  let entries: string[];

  beforeAll(async () => {
    await mkdir(path.join(photos, "sub/.hidden"), { recursive: true });
    await mkdir(path.join(photos, "shards"));
    for (const [i, ending] of IMAGE_EXTENSIONS.entries()) {
      // The content decides, not the name.
      const name = i % 2 === 0 ? `a.${ending}` : `sub/b.${ending.toUpperCase()}`;
      await copyFile(path.join(pictures, `image${i % 4}.png`), path.join(photos, name));
    }
    for (const [ending, count] of Object.entries(OTHERS)) {
      for (let i = 0; i < count; i++) {
        const name = i === 1 ? ending.toUpperCase() : ending;
        await writeFile(path.join(photos, i === 2 ? "sub" : "", `file ${i}${name}`), "x");
      }
    }
    for (const name of shards) await writeFile(path.join(photos, "shards", name), "x");
    await symlink("nowhere", path.join(photos, "link.png"));
    await symlink("sub", path.join(photos, "folder"));
    execFileSync("mkfifo", [path.join(photos, "pipe.jpg"), path.join(photos, "sub/pipe")]);
    for (const name of [".DS_Store", ".a.png", "sub/.hidden/c.jpg"])
      await writeFile(path.join(photos, name), "x");
    const all = await readdir(photos, { recursive: true, withFileTypes: true });
    entries = all
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(photos, path.join(entry.parentPath, entry.name)))
      .filter((name) => !/(?:^|\/)\./.test(name));
  });

  /** That nothing in the folder is missing from what was told. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON
  function checkAll({ json, stderr }: { json: any; stderr: string }, images: number): void {
    const { broken, passedOver } = json;
    const told = passedOver.files + passedOver.links + passedOver.devices;
    expect(images + broken.length + told).toBe(entries.length);
    expect(passedOver).toMatchObject({ links: 1, devices: 1, folders: [] });
    expect(passedOver.endings).toMatchObject(OTHERS);
    const [line = "", ...more] = passedOverLines(stderr);
    expect(more).toEqual([]);
    expect(line).toMatch(/^passed over \d+ files \(4 \.txt, 3 /);
    expect(line).toMatch(/\), 1 symbolic link, 1 device or pipe$/);
    for (const [ending, count] of Object.entries(OTHERS)) {
      const text = ending === "" ? "3 without an ending" : `${count} ${ending}`;
      expect(line).toMatch(new RegExp(`[( ]${text.replace(".", "\\.")}[,)]`));
    }
    const called = [...broken].map(({ file }) => path.relative(photos, file));
    for (const name of ["link.png", "pipe.jpg"]) expect(called).toContain(name);
    for (const { file, reason } of broken) expect(stderr).toContain(`skipped ${file}: ${reason}\n`);
  }

  test("train counts all of it", async () => {
    const run = path.join(await temporaryFolder(), "run");
    const outcome = await done(["train", photos, ...FSQ, ...SMALL, "--steps", "1", "--out", run]);
    expect(outcome.json.passedOver.files).toBe(files);
    checkAll(outcome, IMAGE_EXTENSIONS.length);
    expect(outcome.json.broken).toHaveLength(2 + shards.length);
    // And again when it goes on.
    const resumed = await done(["train", "--resume", run, "--steps", "2"]);
    checkAll(resumed, IMAGE_EXTENSIONS.length);
  });

  test("evaluate counts all of it", async () => {
    const outcome = await done(["evaluate", model, photos, "--crop-size", "8"]);
    checkAll(outcome, IMAGE_EXTENSIONS.length);
    expect(outcome.json.passedOver.files).toBe(files);
    expect(outcome.json.broken).toHaveLength(2 + shards.length);
  });

  test("encode counts all of it, and tells of shards that are none", async () => {
    const codes = path.join(await temporaryFolder(), "codes");
    const outcome = await done(["encode", model, photos, "--out", codes]);
    expect(outcome.json.images).toBe(IMAGE_EXTENSIONS.length);
    checkAll(outcome, IMAGE_EXTENSIONS.length);
    expect(outcome.json.passedOver.files).toBe(files);
    expect(outcome.json.broken).toHaveLength(2 + shards.length);
  });

  test("compare counts all of it, once", async () => {
    const { code, stderr } = await vqkit(compare(photos, path.join(await temporaryFolder(), "cmp")));
    expect(code).toBe(0);
    const [line = "", ...more] = passedOverLines(stderr);
    expect(more).toEqual([]);
    expect(line).toMatch(
      new RegExp(`^passed over ${files} files \\(.*\\), 1 symbolic link, 1 device or pipe$`),
    );
    expect(stderr.match(/^skipped .*$/gm)).toHaveLength(2 + shards.length);
    expect(stderr).toContain(`\n${2 + shards.length} images were skipped.\n`);
  });

  test("a pattern's matches are counted, and --quiet says nothing of them", async () => {
    const dir = await temporaryFolder();
    const encode = ["encode", model, `${photos}/*.{jpg,p*,bmp}`];
    const { json, stderr } = await done([...encode, "--out", path.join(dir, "a")]);
    // Of a.png and what begins with p or is a bitmap.
    expect(json.passedOver.endings).toEqual({
      ".bmp": 1,
      ".parq": 1,
      ".pdf": 1,
      ".pgm": 1,
      ".ppm": 1,
      ".psd": 1,
    });
    expect(passedOverLines(stderr)).toEqual([
      "passed over 6 files (1 .bmp, 1 .parq, 1 .pdf, 1 .pgm, 1 .ppm, 1 .psd)",
    ]);
    expect((await vqkit([...encode, "--out", path.join(dir, "b"), "--quiet"])).stderr).toBe("");
  });
});

describe("what vqkit wrote into the folder of images", () => {
  test("a run is resumed, and no later command takes its pictures for images", async () => {
    const photos = await photoFolder();
    const run = path.join(photos, "runs/a");
    const train = ["train", photos, ...FSQ, ...SMALL];
    expect((await done([...train, "--steps", "2", "--out", run])).json.passedOver.folders).toEqual([]);
    expect((await readdir(run, { recursive: true })).filter((name) => name.endsWith(".png"))).not.toEqual([]);
    const resumed = await done(["train", "--resume", run, "--steps", "3"]);
    expect(resumed.json.training.steps).toBe(3);
    const passedOver = (kind: string) => [`passed over 1 folder that vqkit wrote (${run}: ${kind})`];
    expect(passedOverLines(resumed.stderr)).toEqual(passedOver("the output folder"));

    const codes = path.join(photos, "codes");
    const encoded = await done(["encode", model, photos, "--out", codes]);
    expect(await namesIn(codes)).toEqual(PICTURES);
    expect(passedOverLines(encoded.stderr)).toEqual(passedOver("a run"));
    const again = await done([...train, "--steps", "1", "--out", path.join(photos, "runs/b")]);
    expect(again.json.passedOver.folders).toEqual([
      { folder: codes, kind: "codes" },
      { folder: run, kind: "run" },
    ]);
    const summary = JSON.parse(await readFile(path.join(photos, "runs/b/summary.json"), "utf8"));
    expect(summary.figures).toMatchObject({ trainFiles: 3, evaluationFiles: 1 });
  });

  test("codes in any format are no shards, finished or not, and --resume and --overwrite find the same images", async () => {
    const photos = await photoFolder();
    const [tar, parquet] = [path.join(photos, "deep/tar"), path.join(photos, "parquet")];
    await done(["encode", model, photos, "--out", tar, "--format", "tar"]);
    await done(["encode", model, photos, "--out", parquet, "--format", "parquet"]);
    const again = await done(["encode", model, photos, "--out", tar, "--format", "tar", "--overwrite"]);
    expect(again.json).toMatchObject({ images: PICTURES.length, skipped: 0, broken: [] });
    expect(again.json.passedOver.folders).toEqual([
      { folder: tar, kind: "output" },
      { folder: parquet, kind: "codes" },
    ]);
    const over = await vqkit(["encode", model, tar, "--out", path.join(photos, "x")]);
    expect(over).toMatchObject({ code: 1, stdout: "" });
    expect(over.stderr).toMatch(/^error: \S+: expected at least one image \([^\n]+: codes\)\.\n$/);
  });

  test("decoded images are none, unless they are asked for", async () => {
    const photos = await photoFolder();
    const [codes, decoded] = [path.join(photos, "codes"), path.join(photos, "a/decoded")];
    await done(["encode", model, photos, "--out", codes]);
    const decode = ["decode", model, codes, "--out", decoded];
    await done(decode);
    // Once more into the same folder, which is still marked then.
    await done([...decode, "--overwrite"]);
    const again = await done(["encode", model, photos, "--out", codes, "--overwrite"]);
    expect(await namesIn(codes)).toEqual(PICTURES);
    expect(again.json.passedOver.folders).toEqual([
      { folder: decoded, kind: "pictures" },
      { folder: codes, kind: "output" },
    ]);
    const asked = await done(["encode", model, decoded, "--out", path.join(photos, "others")]);
    expect([asked.json.images, passedOverLines(asked.stderr)]).toEqual([PICTURES.length, []]);
    // Among a person's own files they are theirs.
    const mixed = await photoFolder();
    await rm(path.join(mixed, "image3.png"));
    await done(["decode", model, codes, "--out", mixed, "--overwrite"]);
    expect((await readdir(mixed)).sort()).toEqual(PICTURES);
    const { json } = await done(["evaluate", model, mixed, "--crop-size", "8"]);
    expect(json.conventions.evaluationImages).toBe(PICTURES.length * 15);
  });

  test("photographs beside an unrelated config.json are images", async () => {
    const photos = await photoFolder();
    await writeFile(path.join(photos, "config.json"), '{"format": "coco", "images": 4}');
    await writeFile(path.join(photos, "manifest.json"), '{"files": []}');
    const { code, stderr } = await vqkit(compare(photos, path.join(await temporaryFolder(), "cmp"), "fsq"));
    expect([code, passedOverLines(stderr)]).toEqual([0, ["passed over 2 files (2 .json)"]]);
  });
});

describe("a folder that may not be read", () => {
  test("is named and counted by each command, which goes on with the rest", async () => {
    const photos = await photoFolder();
    for (const name of ["lost+found", "sub/private"]) {
      await mkdir(path.join(photos, name), { recursive: true });
      await copyFile(path.join(pictures, "image1.png"), path.join(photos, name, "x.png"));
    }
    const closed = ["lost+found", "sub/private"].map((name) => path.join(photos, name));
    const out = await temporaryFolder();
    for (const folder of closed) await chmod(folder, 0);
    try {
      await unprivileged([photos, out, shared, path.dirname(model)], async () => {
        const commands = [
          ["train", photos, ...FSQ, ...SMALL, "--steps", "1", "--out", path.join(out, "run")],
          ["encode", model, photos, "--out", path.join(out, "codes")],
          ["evaluate", model, photos, "--crop-size", "8"],
        ];
        for (const command of commands) {
          const { json, stderr } = await done(command);
          const reason = "a folder that cannot be read (EACCES)";
          expect(json.broken).toEqual(closed.map((file) => ({ file, reason, isFolder: true })));
          for (const folder of closed) expect(stderr).toContain(`skipped ${folder}: ${reason}\n`);
          expect(stderr).toContain("2 folders were skipped.\n");
        }
        expect(await namesIn(path.join(out, "codes"))).toEqual(PICTURES);
        const strict = ["encode", model, photos, "--out", path.join(out, "strict"), "--strict"];
        expect(await vqkit(strict)).toMatchObject({
          code: 1,
          stderr: expect.stringMatching(
            /^error: \S+lost\+found: [^\n]*a folder that cannot be read \(EACCES\)[^\n]*\n$/,
          ),
        });
      });
    } finally {
      for (const folder of closed) await chmod(folder, 0o755);
    }
    const summary = JSON.parse(await readFile(path.join(out, "run/summary.json"), "utf8"));
    expect(summary.figures.brokenFiles).toBe(2);
  });
});

describe("patterns in quotes and in a configuration", () => {
  test("take the files that a shell would", async () => {
    const photos = await temporaryFolder();
    for (const i of [1, 2, 3, 9, 10, 12, 101])
      await copyFile(path.join(pictures, `image${i % 4}.png`), path.join(photos, `${i}.png`));
    const out = (name: string): string => path.join(photos, "codes", name);
    await done(["encode", model, `${photos}/{9..10}.png`, "--out", out("a")]);
    expect(await namesIn(out("a"))).toEqual(["10.png", "9.png"]);
    await done(["encode", model, `${photos}/{1..3}.png`, `${photos}/1{0,2}.png`, "--out", out("b")]);
    expect(await namesIn(out("b"))).toEqual(["1.png", "10.png", "12.png", "2.png", "3.png"]);
    const missing = await vqkit(["encode", model, `${photos}/{001..3}.png`, "--out", out("c")]);
    expect(missing).toEqual({
      code: 1,
      stdout: "",
      stderr: `error: ${photos}/{001..3}.png: expected a file or a folder of each of the 3 names, found nothing for 3: ${["001", "002", "003"].map((name) => `${photos}/${name}.png`).join(", ")}.\n`,
    });
    const config = path.join(photos, "run.yaml");
    await writeFile(config, `data:\n  images: ["${photos}/{1..3}.png", "${photos}/1{2,01}.png"]\n`);
    const run = out("run");
    await done(["train", "--config", config, ...FSQ, ...SMALL, "--steps", "1", "--out", run]);
    const summary = JSON.parse(await readFile(path.join(run, "summary.json"), "utf8"));
    expect(summary.figures).toMatchObject({ trainFiles: 4, evaluationFiles: 1 });
  });
});
