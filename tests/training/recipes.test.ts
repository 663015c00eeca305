import { beforeAll, describe, expect, it } from "vitest";
import { type QuantizerDefinition, registerQuantizer } from "../../src/quantizers/index.js";
import {
  compareQuantizers,
  planComparison,
  planRun,
  type RunOptions,
  resolveRun,
  Trainer,
} from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { divergingQuantizer } from "./diverging-quantizer.js";
import { drained, temporaryFolder, tinyFolders, tinyRun } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();

beforeAll(useEngine);

const data = "photos";
const RECOMMENDED = { kind: "vq", codebook: "ema", initialization: "kmeans" };
const PAPER = { kind: "vq", codebook: "free", initialization: "uniform" };

/** What options make of the quantizer. */
const resolved = (options: Partial<RunOptions>) => resolveRun({ data, ...options });

describe("the recipe of a run", () => {
  it.each<[string, Partial<RunOptions>, object, string | null]>([
    ["nothing is said", {}, RECOMMENDED, "recommended"],
    ["the kind is said", { quantizer: "vq" }, RECOMMENDED, "recommended"],
    [
      "options without a kind are said",
      { quantizer: { codebookSize: 9 } as never },
      RECOMMENDED,
      "recommended",
    ],
    [
      "other options are said",
      { quantizer: { kind: "vq", codebookSize: 9, emaDecay: 0.9 } },
      RECOMMENDED,
      "recommended",
    ],
    ["it is named", { recipe: "recommended", quantizer: { kind: "vq" } }, RECOMMENDED, "recommended"],
    ["the paper's is named", { recipe: "paper" }, PAPER, "paper"],
    ["none is wanted", { recipe: null, quantizer: { kind: "vq" } }, PAPER, null],
    ["the codebook is decided", { quantizer: { kind: "vq", codebook: "free" } }, PAPER, null],
    [
      "the initialization is decided",
      { quantizer: { kind: "vq", initialization: "normal" } },
      { codebook: "free" },
      null,
    ],
    [
      "an option is meant for another codebook",
      { quantizer: { kind: "vq", codebookWeight: 0.5 } },
      PAPER,
      null,
    ],
    [
      "it is named beside a decision, which wins",
      { recipe: "recommended", quantizer: { kind: "vq", codebook: "ema" } },
      { codebook: "ema", initialization: "uniform" },
      "recommended",
    ],
  ])("where %s", (_, options, quantizer, recipe) => {
    const config = resolved(options);
    expect(config).toMatchObject({ quantizer, recipe });
    // What is saved resolves to itself, and so does what was saved when there were no recipes.
    expect(resolveRun(config)).toEqual(config);
    const { recipe: _recipe, ...older } = config;
    expect(resolveRun(older)).toEqual({ ...config, recipe: null });
  });

  it.each(["rotation", "simvq", "fsq"])("changes nothing of %s, which recommends nothing", (kind) => {
    const [own, named, none] = [undefined, "paper", null].map((recipe) =>
      resolved({ quantizer: kind, ...(recipe === undefined ? {} : { recipe }) }),
    );
    expect(own?.recipe).toBeNull();
    expect(named).toEqual({ ...own, recipe: "paper" });
    expect(none).toEqual(own);
  });

  it("is told by name when there is none of that name", () => {
    expect(() => resolved({ recipe: "papre" })).toThrow(
      expect.objectContaining({ path: "recipe", message: expect.stringContaining('Did you mean "paper"?') }),
    );
  });

  it("tells mistakes in the run's own options as its own", () => {
    expect(() => resolved({ quantizer: { kind: "vq", codebookSize: 0 } })).toThrow(/quantizer\.codebookSize/);
    expect(() => resolved({ quantizer: { kind: "vq", codebok: "ema" } })).toThrow(/codebok/);
  });

  it("is what a run says of itself", async () => {
    for (const [options, recipe] of [
      [
        { recipe: "recommended" },
        { name: "recommended", effect: expect.stringMatching(/^vq has a codebook of/) },
      ],
      [{ recipe: "paper" }, { name: "paper", effect: expect.stringContaining("as in its paper") }],
      [{ recipe: null }, null],
    ] as const) {
      const trainer = await Trainer.create(tinyRun(images, options));
      expect(trainer.describe().recipe).toEqual(recipe);
      trainer.dispose();
    }
  });
});

describe("one configuration", () => {
  it.each([{}, { recipe: "paper" }, { recipe: null }])("is one run by every door: %o", (recipe) => {
    const planned = planComparison({
      base: { data, ...recipe },
      out: "out",
      quantizers: ["vq", "fsq", "simvq"],
    });
    for (const { config, quantizer } of planned) {
      const { out: _out, data: _data, nominalCodebookSize: _size, ...compared } = config;
      const alone = resolved({ quantizer: { kind: quantizer, codebookSize: 1024 }, ...recipe });
      const { out: __, data: ___, nominalCodebookSize: ____, ...own } = alone;
      expect(compared).toEqual(own);
    }
  });

  it("is parsed once between the options and the optimizer", async () => {
    let parsed = 0;
    const counted: QuantizerDefinition = {
      ...(divergingQuantizer as unknown as QuantizerDefinition),
      kind: "counted",
      parse: (value) => {
        parsed++;
        return value as { kind: string };
      },
    };
    registerQuantizer(counted);
    const options = tinyRun(images, { quantizer: { kind: "counted", codeDim: 8, atUpdate: 0 }, steps: 1 });
    const trainer = await Trainer.create(options);
    await drained(trainer.run());
    trainer.dispose();
    expect(parsed).toBe(1);

    const planned = await planRun(options);
    expect(planned.config.out).toBeNull();
    const out = await temporaryFolder();
    const again = await Trainer.create(planned.writtenTo(out));
    expect(again.config.out).toBe(out);
    again.dispose();
    expect(parsed).toBe(2);
  });

  it("has its images searched for once, also in a comparison of several runs", async () => {
    let searches = 0;
    const { quantizer: _, ...base } = tinyRun(images, { steps: 1, evaluateUntrained: false });
    const comparison = compareQuantizers(
      { base, quantizers: ["fsq", "vq"], seeds: [0, 1], codebookSize: 16, out: `${runs}/searched` },
      { onPassedOver: () => searches++ },
    );
    const events = await drained(comparison);
    expect(events.filter(({ type }) => type === "run-end")).toHaveLength(4);
    expect(searches).toBe(1);
  });
});
