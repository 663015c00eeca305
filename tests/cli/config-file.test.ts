import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { readConfigFile, takeQuantizerModules } from "../../cli/config-file.js";
import { gatherConfig } from "../../cli/gather-config.js";
import { QUANTIZER_FLAGS, TRAINING_FLAGS } from "../../cli/run-flags.js";
import { valueAt } from "../../src/core/objects.js";
import { resolveRun } from "../../src/training/run-config.js";
import { temporaryFolder } from "./harness.js";

async function written(name: string, text: string): Promise<string> {
  const file = path.join(await temporaryFolder(), name);
  await writeFile(file, text);
  return file;
}

describe("readConfigFile", () => {
  test("YAML and JSON mean the same", async () => {
    const yaml = await readConfigFile(await written("a.yaml", "quantizer:\n  kind: fsq\n  levels: [8, 5]\n"));
    const json = await readConfigFile(await written("a.json", '{"quantizer":{"kind":"fsq","levels":[8,5]}}'));
    expect(yaml).toEqual({ quantizer: { kind: "fsq", levels: [8, 5] } });
    expect(json).toEqual(yaml);
  });

  const text = "quantizer:\n  kind: fsq # caf\u00e9\ndata: \u5199\u771f/\n";
  test.each<[string, Buffer]>([
    ["UTF-8 with its mark", Buffer.from(`\ufeff${text}`)],
    ["UTF-16, little-endian", Buffer.from(`\ufeff${text}`, "utf16le")],
    ["UTF-16, big-endian", Buffer.from(`\ufeff${text}`, "utf16le").swap16()],
    ["JSON in UTF-16", Buffer.from('\ufeff{"quantizer":{"kind":"fsq"},"data":"\u5199\u771f/"}', "utf16le")],
  ])("reads %s", async (_, bytes) => {
    const file = await written("a.yaml", "");
    await writeFile(file, bytes);
    expect(await readConfigFile(file)).toEqual({ quantizer: { kind: "fsq" }, data: "\u5199\u771f/" });
  });

  test("refuses UTF-32 in one line", async () => {
    const file = await written("a.yaml", "");
    await writeFile(file, Buffer.from([0, 0, 0xfe, 0xff, 0, 0, 0, 0x61]));
    await expect(readConfigFile(file)).rejects.toThrow(
      `--config ${file}: expected YAML or JSON: expected text in UTF-8 or UTF-16, got UTF-32`,
    );
  });

  test("an empty file is an empty configuration", async () => {
    expect(await readConfigFile(await written("a.yaml", "# nothing\n"))).toEqual({});
  });

  test.each([
    ["a list", "- 1\n"],
    ["a number", "17\n"],
    ["the same key twice", "steps: 1\nsteps: 2\n"],
  ])("refuses %s", async (_, text) => {
    await expect(readConfigFile(await written("a.yaml", text))).rejects.toThrow(/a\.yaml: expected/);
  });
});

test("takeQuantizerModules resolves paths from the folder and leaves the rest", () => {
  const where = { folder: "/configs", allowCode: true };
  const taken = takeQuantizerModules({ steps: 3, quantizerModules: ["mine.js"] }, where);
  expect(taken).toEqual({ modules: [path.resolve("/configs/mine.js")], rest: { steps: 3 } });
  expect(() => takeQuantizerModules({ quantizerModules: "mine.js" }, where)).toThrow(/list of paths/);
});

describe("gatherConfig", () => {
  test("flags win over --set, which wins over the file", async () => {
    const config = await written("a.yaml", "steps: 1\nbatchSize: 2\nseed: 3\nquantizer: simvq\n");
    const values = { config, set: ["steps=10", "batchSize=20", "quantizer.gradient=rotation"], steps: 100 };
    expect(await gatherConfig(["photos"], values, TRAINING_FLAGS)).toEqual({
      steps: 100,
      batchSize: 20,
      seed: 3,
      quantizer: { kind: "simvq", gradient: "rotation" },
      data: { images: "photos" },
    });
  });

  test("images of the command line win over those of the file, whose other data stay", async () => {
    const config = await written("a.yaml", "data:\n  images: here\n  resize: 96\n");
    const { data } = await gatherConfig(["there", "too"], { config }, TRAINING_FLAGS);
    expect(data).toEqual({ images: ["there", "too"], resize: 96 });
    expect((await gatherConfig([], { config }, TRAINING_FLAGS)).data).toEqual({ images: "here", resize: 96 });
  });

  test("values of --set are YAML", async () => {
    const set = ["data.flip=false", "model.residualBlocks=[0, 2]", "gradientClip=null", "data.images=a=b"];
    expect(await gatherConfig([], { set }, TRAINING_FLAGS)).toEqual({
      data: { flip: false, images: "a=b" },
      model: { residualBlocks: [0, 2] },
      gradientClip: null,
    });
    await expect(gatherConfig(["photos"], { set: ["steps"] }, [])).rejects.toThrow(
      /--set steps: expected field=value/,
    );
  });
});

describe("flags", () => {
  const flags = [...TRAINING_FLAGS, ...QUANTIZER_FLAGS];

  test.each(flags.filter((flag) => flag.default !== undefined))(
    "the help's default of $flag is the real one",
    (flag) => {
      const resolved = resolveRun({ quantizer: { kind: "vq" }, data: "photos" }) as unknown as Record<
        string,
        unknown
      >;
      if (flag.field === "model.preset") {
        expect(resolved.model).toEqual(
          resolveRun({
            quantizer: { kind: "vq" },
            data: "photos",
            model: { preset: flag.default as "small" },
          }).model,
        );
      } else if (flag.field === "loss") {
        expect(resolved.loss).toEqual(
          resolveRun({ quantizer: { kind: "vq" }, data: "photos", loss: flag.default as "l2" }).loss,
        );
      } else {
        expect(valueAt(resolved, flag.field)).toEqual(flag.default);
      }
    },
  );
});
