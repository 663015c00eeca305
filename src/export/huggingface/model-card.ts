import { isObject } from "../../core/objects.js";
import { formatCount, formatExpectation, formatPercent, NO_FIGURE } from "../../drawing/index.js";
import type { JsonObject } from "../../files/index.js";
import { originText } from "../../runs/index.js";
import { sequenceLength } from "../../tokenizer/index.js";
import type { ModelFacts } from "../model-facts.js";

type Figures = Readonly<Record<string, number | null | undefined>>;

/**
 * A model card in Markdown, from the run's own figures: each with its unit, and with what it was counted on.
 *
 * @param name the title
 */
export function modelCard(facts: ModelFacts, name: string): string {
  const parts = [
    head(facts),
    `# ${name}`,
    `A discrete image tokenizer ${madeBy(facts)}: it turns an image into a small grid of integers, and such a grid back into an image.`,
    table(modelRows(facts)),
    use(facts, name),
    ...figureSections(facts),
    limits(facts),
  ];
  return `${parts.join("\n\n")}\n`;
}

const VQKIT = "[vqkit](https://www.npmjs.com/package/vqkit)";

function madeBy({ origin }: ModelFacts): string {
  if (origin === undefined) return `trained with ${VQKIT}`;
  if (origin.trained) return `that others trained and published, and that was trained on with ${VQKIT}`;
  return `that others trained and published, in the form of ${VQKIT}`;
}

/** The tags that the Hub files a model under. The licence is for whoever publishes to choose. */
function head({ quantizer }: ModelFacts): string {
  const tags = ["vqkit", "image-tokenizer", "vector-quantization", quantizer.kind];
  return ["---", "library_name: vqkit", "tags:", ...tags.map((tag) => `- ${tag}`), "---"].join("\n");
}

function modelRows(facts: ModelFacts): string[][] {
  const { quantizer, codebookSize, numCodebooks, codeDim, summary } = facts;
  const bits = Math.ceil(Math.log2(codebookSize));
  const parameters = objectAt(summary?.figures, "model")?.parameters;
  const options = Object.entries(quantizer).filter(
    ([name]) => !["kind", "codebookSize", "codeDim"].includes(name),
  );
  return [
    ["", ""],
    [
      "quantizer",
      `${quantizer.kind} (${options.map(([name, value]) => `${name} ${shown(value)}`).join(", ")})`,
    ],
    [
      "codebook",
      `${formatCount(codebookSize)} codes of ${codeDim} numbers; ${formatCount(numCodebooks)} index a position`,
    ],
    [
      "bits an index",
      `${bits} (${(bits * codesPerPixel(facts)).toFixed(3)} bits a pixel without entropy coding)`,
    ],
    ["downsampling", downsampling(facts)],
    ...(typeof parameters === "number" ? [["parameters of the autoencoder", formatCount(parameters)]] : []),
    [
      "pixels",
      facts.scales === undefined
        ? "RGB, a byte b as b/127.5 − 1; any size, the last row and column repeated to a multiple of the factor"
        : "RGB, a byte b as b/127.5 − 1",
    ],
    ...(facts.origin === undefined ? [] : [["origin", originText(facts.origin)]]),
    ["fingerprint", `\`${facts.fingerprint.slice(0, 16)}…\` (codes carry it; no other model decodes them)`],
  ];
}

function downsampling({ downsamplingFactor: factor, scales }: ModelFacts): string {
  if (scales === undefined) {
    return `${factor}: an image of H×W pixels becomes ⌈H/${factor}⌉×⌈W/${factor}⌉ indices`;
  }
  const side = (scales.at(-1) as number) * factor;
  return `${factor}: an image of ${side}×${side} pixels, and of no other size, becomes a sequence of ${sequenceLength(scales)} indices: square grids of ${scales.join(", ")} a side`;
}

/** Codes of an image over its pixels. */
function codesPerPixel({ downsamplingFactor: factor, numCodebooks, scales }: ModelFacts): number {
  if (scales === undefined) return numCodebooks / factor ** 2;
  return (numCodebooks * sequenceLength(scales)) / ((scales.at(-1) as number) * factor) ** 2;
}

function use({ codebookSize }: ModelFacts, name: string): string {
  return [
    "## Use",
    "",
    "```js",
    'import { Tokenizer } from "vqkit";',
    "",
    `const tokenizer = await Tokenizer.load("${name}"); // this folder`,
    `const codes = await tokenizer.encode("cat.jpg"); // codes.indices: integers in 0..${codebookSize - 1}`,
    "const image = await tokenizer.decode(codes);",
    'await image.toSharp().toFile("cat.png");',
    "```",
    "",
    `For Python, the browser and others: \`npx vqkit export ${name} --to onnx --out onnx\` makes encoder.onnx and decoder.onnx.`,
  ].join("\n");
}

function figureSections({ summary, run }: ModelFacts): string[] {
  if (summary === undefined) return ["## Figures\n\nNone were measured when this card was written."];
  const { figures, conventions } = summary;
  const columns = ["final", "untrained", "meanColour"].flatMap((key) => {
    const values = objectAt(figures, key) as Figures | undefined;
    return values === undefined ? [] : [{ key, values }];
  });
  const titles: Record<string, string> = {
    final: "this model",
    untrained: "before training",
    meanColour: "mean colour",
  };
  const rows = [
    ["", ...columns.map(({ key }) => titles[key] as string)],
    ...FIGURES.map(([label, text]) => [label, ...columns.map(({ values }) => text(values) ?? NO_FIGURE)]),
  ];
  const on = `${formatCount(Number(conventions.evaluationImages))} crops of ${conventions.imageHeight}×${conventions.imageWidth} pixels (${conventions.evaluationSet})`;
  const steps = objectAt(figures, "training")?.steps;
  const batch = run?.batchSize;
  const training =
    typeof steps === "number" && typeof batch === "number"
      ? `\n\nTrained for ${formatCount(steps)} steps of ${formatCount(batch)} crops.`
      : "";
  const lines = Object.entries(conventions).map(([key, value]) => `- ${key}: ${value}`);
  return [
    `## Figures\n\nOn ${on}. "Mean colour" paints each image in its mean colour: what no tokenizer should be below.\n\n${table(rows)}${training}`,
    `### How they were computed\n\n${lines.join("\n")}`,
  ];
}

const FIGURES: readonly (readonly [label: string, text: (figures: Figures) => string | undefined])[] = [
  ["PSNR", ({ psnr }) => (psnr == null ? undefined : `${psnr.toFixed(2)} dB`)],
  ["SSIM", ({ ssim }) => ssim?.toFixed(4)],
  ["reconstruction loss", ({ reconstructionLoss }) => reconstructionLoss?.toPrecision(4)],
  [
    "codes used",
    ({ usage, used, samples }) =>
      usage == null || used == null || samples == null
        ? undefined
        : `${formatPercent(usage)} (${formatCount(used)}) in ${formatCount(samples)} indices`,
  ],
  [
    "a uniform source would use",
    ({ expectedUniformUsage: expected }) => (expected == null ? undefined : formatExpectation(expected)),
  ],
  ["perplexity", ({ perplexity }) => perplexity?.toFixed(1)],
  ["bits per pixel, entropy coded", ({ bitsPerPixel }) => bitsPerPixel?.toFixed(4)],
];

function limits({ run, origin }: ModelFacts): string {
  if (origin !== undefined && !origin.trained) {
    return "## Limits\n\nThose of the original, whose makers say what it was trained on and under which licence it may be used.";
  }
  const size = objectAt(run as JsonObject | undefined, "data")?.cropSize;
  const crops = Array.isArray(size)
    ? ` It saw crops of ${size.join("×")} pixels; other sizes work, and may be worse.`
    : "";
  return (
    "## Limits\n\nTrained without an adversarial or a perceptual loss, so its reconstructions are as smooth as its " +
    `reconstruction loss leaves them.${crops}`
  );
}

function table(rows: readonly (readonly string[])[]): string {
  const [first = [], ...rest] = rows;
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(first), line(first.map(() => "---")), ...rest.map(line)].join("\n");
}

function shown(value: unknown): string {
  return Array.isArray(value) ? value.join(",") : String(value);
}

function objectAt(object: JsonObject | undefined, key: string): JsonObject | undefined {
  const value = object?.[key];
  return isObject(value) ? (value as JsonObject) : undefined;
}
