import { mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { dataConfigSchema } from "../../../src/data/data-config.js";
import { ImageDataset } from "../../../src/data/dataset.js";
import { findImages, findSources } from "../../../src/data/find-images.js";
import { describePassedOver, type PassedOver } from "../../../src/data/finding/passed-over.js";
import { temporaryFolder } from "../temporary.js";

/** A new folder with these files; finding goes by names, and by the content of JSON files alone. */
async function tree(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const root = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(`${root}/${name}`), { recursive: true });
    await writeFile(`${root}/${name}`, content);
  }
  return root;
}

/** What is found below a folder, and the folders that are passed over, by name from there. */
async function look(root: string, sources: readonly string[] = [""], outputs: readonly string[] = []) {
  let passedOver: PassedOver | undefined;
  const from = (file: string): string => (file === root ? "." : file.replace(`${root}/`, ""));
  const files = await findSources(
    sources.map((source) => `${root}/${source}`),
    {
      outputs: outputs.map((output) => `${root}/${output}`),
      onPassedOver: (all) => {
        passedOver = all;
      },
    },
  );
  const { folders = [], ...counts } = passedOver ?? {};
  return {
    files: files.map(from),
    folders: folders.map(({ folder, kind }) => `${from(folder)}: ${kind}`),
    counts,
  };
}

const json = (value: object): string => JSON.stringify(value);
const RUN = json({ format: "vqkit-run", formatVersion: 1, config: {} });

describe("folders that vqkit wrote are passed over", () => {
  const cases: [what: string, files: Record<string, string | Buffer>, kind: string][] = [
    ["a run", { "config.json": RUN, "reconstructions/0.png": "x", "reconstructions.png": "x" }, "run"],
    ["a run of a later version", { "config.json": json({ format: "vqkit-run", formatVersion: 9 }) }, "run"],
    [
      "an exported model",
      {
        "config.json": json({ model_type: "vqkit", format: "vqkit-run" }),
        "README.md": "x",
        "sample.png": "x",
      },
      "run",
    ],
    [
      "a run whose config an editor saved in UTF-16",
      { "config.json": Buffer.from(`\ufeff${RUN}`, "utf16le"), "a.png": "x" },
      "run",
    ],
    ["codes", { "manifest.json": json({ format: "vqkit-codes" }), "codes-000000.tar": "x" }, "codes"],
    [
      "codes with a long manifest",
      {
        "manifest.json": json({ format: "vqkit-codes", files: Array(20_000).fill("x") }),
        "codes.parquet": "x",
      },
      "codes",
    ],
    [
      "codes that are not finished",
      { ".progress.json": json({ format: "vqkit-codes-progress" }), "codes-000001.tar": "x" },
      "codes",
    ],
    ["decoded images", { ".vqkit.json": json({ format: "vqkit-pictures" }), "a/b.png": "x" }, "pictures"],
  ];
  test.each(cases)("%s", async (_, files, kind) => {
    const inner = Object.fromEntries(Object.entries(files).map(([name, text]) => [`x/y/${name}`, text]));
    const root = await tree({ "a.png": "x", "x/b.png": "x", ...inner });
    const { files: found, folders, counts } = await look(root);
    expect(found).toEqual(["a.png", "x/b.png"]);
    expect(folders).toEqual([`x/y: ${kind}`]);
    // What lies in them is not counted file by file.
    expect(counts).toEqual({ files: 0, endings: {}, links: 0, devices: 0 });
    expect((await look(root, ["**/*.{png,tar,parquet}"])).files).toEqual(found);
  });

  test("of a comparison only its own files are: its folder may be one of a person's", async () => {
    const root = await tree({
      "comparison.json": json({ format: "vqkit-comparison" }),
      "comparison.png": "x",
      "comparison.csv": "x",
      "mine.png": "x",
      "fsq-seed0/config.json": RUN,
      "fsq-seed0/reconstructions.png": "x",
      "begun/comparison-plan.json": json({ format: "vqkit-comparison-plan" }),
      "begun/comparison.png": "x",
      "begun/mine-too.png": "x",
      "other/comparison.png": "x",
    });
    const { files, folders, counts } = await look(root);
    expect(files).toEqual(["begun/mine-too.png", "mine.png", "other/comparison.png"]);
    expect(folders).toEqual([".: comparison", "begun: comparison", "fsq-seed0: run"]);
    expect(counts).toEqual({ files: 0, endings: {}, links: 0, devices: 0 });
  });
});

describe("folders of a person's are not", () => {
  const names = ["config.json", "manifest.json", "comparison.json", "comparison-plan.json", ".vqkit.json"];
  const contents: [string, string | Buffer][] = [
    ["another program's settings", json({ format: "coco", images: 3, model_type: "clip" })],
    ["no format", json({ name: "vqkit-run" })],
    ["a list", '["vqkit-run"]'],
    ["a text", '"vqkit-run"'],
    ["no JSON", "format: vqkit-run"],
    ["nothing", ""],
    ["other bytes", Buffer.from([0xff, 0xfe, 0, 0, 1])],
    ["a longer name", json({ format: "vqkit-run-like" })],
    ["a deeper format", json({ data: { format: "vqkit-codes" } })],
    ["a long text about it", `{"note":"${"x".repeat(70_000)}","format":"vqkit-run"}`],
  ];
  test.each(contents)("with files of such names and %s", async (_, content) => {
    const root = await tree({
      "a.png": "x",
      ...Object.fromEntries(names.map((name) => [`in/${name}`, content])),
      "in/b.png": "x",
    });
    const { files, folders } = await look(root);
    expect({ files, folders }).toEqual({ files: ["a.png", "in/b.png"], folders: [] });
  });

  test("nor where the name of a mark is a folder or a link", async () => {
    const root = await tree({ "in/config.json/b.png": "x", "in/a.png": "x", "elsewhere.json": RUN });
    await mkdir(`${root}/in/manifest.json`);
    await symlink("../elsewhere.json", `${root}/in/comparison.json`);
    expect((await look(root, ["in"])).files).toEqual(["in/a.png", "in/config.json/b.png"]);
  });
});

describe("a folder that is named itself", () => {
  test("is read where it holds decoded images, and inside a run", async () => {
    const root = await tree({
      "x.png": "x",
      "decoded/.vqkit.json": json({ format: "vqkit-pictures" }),
      "decoded/a.png": "x",
      "decoded/charts/.vqkit.json": json({ format: "vqkit-pictures" }),
      "decoded/charts/usage.png": "x",
      "run/config.json": RUN,
      "run/reconstructions/0.png": "x",
    });
    expect(await look(root, ["decoded", "run/reconstructions"])).toMatchObject({
      files: ["decoded/a.png", "run/reconstructions/0.png"],
      folders: ["decoded/charts: pictures"],
    });
    expect((await look(root, ["decoded/*.png"])).files).toEqual(["decoded/a.png"]);
    // Passed over within one source, named by the other.
    expect(await look(root, ["", "decoded"])).toMatchObject({
      files: ["decoded/a.png", "x.png"],
      folders: ["decoded/charts: pictures", "run: run"],
    });
  });

  test.each([
    ["run", "a run", { "config.json": RUN, "reconstructions.png": "x" }],
    ["codes", "codes", { "manifest.json": json({ format: "vqkit-codes" }), "codes.parquet": "x" }],
    ["old", "codes", { ".progress.json": json({ format: "vqkit-codes-progress" }), "codes-000000.tar": "x" }],
  ])("is refused, saying what it is, where it is %s", async (name, kind, files) => {
    const inner = Object.fromEntries(Object.entries(files).map(([file, text]) => [`${name}/${file}`, text]));
    const root = await tree(inner);
    await expect(look(root, [name])).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining(
        `found none among 0 files. Passed over: 1 folder that vqkit wrote (${root}/${name}: ${kind}).`,
      ),
    });
  });
});

describe("the folder that is being written", () => {
  const files = { "a.png": "x", "out/b.png": "x", "out/deep/c.png": "x", "outside/d.png": "x" };

  test.each([
    ["below the source", [""], ["out"], ["a.png", "outside/d.png"], ["out: output"]],
    ["further below", [""], ["out/deep"], ["a.png", "out/b.png", "outside/d.png"], ["out/deep: output"]],
    ["the source itself", ["out"], ["out"], ["out/b.png", "out/deep/c.png"], []],
    ["above the source", ["out/deep"], ["out"], ["out/deep/c.png"], []],
    ["elsewhere", ["out"], ["outside"], ["out/b.png", "out/deep/c.png"], []],
    ["not there yet", [""], ["new"], ["a.png", "out/b.png", "out/deep/c.png", "outside/d.png"], []],
    ["below a pattern", ["**/*.png"], ["out"], ["a.png", "outside/d.png"], ["out: output"]],
  ])("is passed over: %s", async (_, sources, outputs, found, folders) => {
    expect(await look(await tree(files), sources, outputs)).toMatchObject({ files: found, folders });
  });

  test("is known by another name too", async () => {
    const root = await tree(files);
    await symlink(`${root}/out`, `${root}/link`);
    const link = `${await temporaryFolder()}/link`;
    await symlink(root, link);
    expect((await look(root, [""], ["link"])).folders).toEqual(["out: output"]);
    const found = await findImages(link, { outputs: [`${root}/out`] });
    expect(found).toEqual([`${link}/a.png`, `${link}/outside/d.png`]);
  });

  test("is one of a data set's options", async () => {
    const root = await tree(files);
    const config = dataConfigSchema.parse({ images: root, heldOut: 0 });
    const dataset = await ImageDataset.open(config, 0, { outputs: [`${root}/out`] });
    expect(dataset.trainFiles).toEqual([`${root}/a.png`, `${root}/outside/d.png`]);
    expect(dataset.passedOver.folders).toEqual([{ folder: `${root}/out`, kind: "output" }]);
  });
});

test("many folders are counted, and the first ones named", () => {
  const folders = Array.from({ length: 5 }, (_, i) => ({ folder: `/runs/${i}`, kind: "run" as const }));
  const none = { files: 0, endings: {}, links: 0, devices: 0 };
  expect(describePassedOver({ ...none, folders })).toBe(
    "5 folders that vqkit wrote (/runs/0: a run; /runs/1: a run; /runs/2: a run; and 2 more)",
  );
  expect(describePassedOver({ ...none, folders: [] })).toBe("");
});
