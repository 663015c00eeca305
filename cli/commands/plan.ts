import type { Command } from "commander";
import type { PlannedQuantizer, PlanRequest, TokenizerPlan } from "../../src/quantizers/family/index.js";
import type { textTable } from "../../src/reports/index.js";
import { namingFlags } from "../gather-config.js";
import { print, printJson, type Terminal } from "../terminal.js";
import { integer, integers, number, size } from "../values.js";

/** The flags, and the fields of the request that their values go to. */
const FLAGS = [
  { flag: "--image-size <size>", field: "imageSize" },
  { flag: "--downsampling-factor <n>", field: "downsamplingFactor" },
  { flag: "--bits-per-image <x>", field: "bitsPerImage" },
  { flag: "--bits-per-pixel <x>", field: "bitsPerPixel" },
  { flag: "--codebook-size <n>", field: "codebookSize" },
  { flag: "--images <n>", field: "images" },
  { flag: "--codebooks <list>", field: "codebooks" },
  { flag: "--scales <list>", field: "scales" },
] as const;

interface Flags extends PlanRequest {
  readonly json?: boolean;
}

export function addPlan(program: Command, terminal: Terminal): void {
  program
    .command("plan")
    .description("from image size and a budget of bits to quantizers: sizes, levels, tokens, what they cost")
    .requiredOption("--image-size <size>", "pixels of an image, as 256 or HEIGHTxWIDTH", size)
    .option("--downsampling-factor <n>", "image side / latent grid side (default: 4)", integer)
    .option("--bits-per-image <x>", "budget: bits for the codes of an image", number)
    .option("--bits-per-pixel <x>", "budget: the same over its pixels", number)
    .option("--codebook-size <n>", "budget: codes of one code a position", integer)
    .option("--images <n>", "images of the data set, for the usage that they can show", integer)
    .option("--codebooks <list>", "numbers of codebooks to plan for (default: 1,2,4)", integers)
    .option("--scales <list>", "plan a sequence of square grids of these sides too, as 1,2,4,8,16", integers)
    .option("--json", "print the plan as JSON on stdout")
    .action((flags: Flags) =>
      namingFlags(flags, FLAGS, async () => {
        const { json = false, ...request } = flags;
        const { planTokenizer } = await import("../../src/quantizers/family/index.js");
        const plan = planTokenizer({ ...request, downsamplingFactor: request.downsamplingFactor ?? 4 });
        if (json) return printJson(terminal, plan);
        const { textTable } = await import("../../src/reports/index.js");
        print(terminal, rendered(plan, textTable));
      }),
    );
}

function rendered(plan: TokenizerPlan, table: typeof textTable): string {
  const { imageHeight, imageWidth, gridHeight, gridWidth, positions, budgetBits, images } = plan;
  const bits = Number(budgetBits.toFixed(1)).toLocaleString("en-US");
  const head = `${imageHeight}x${imageWidth} pixels, a grid of ${gridHeight}x${gridWidth}: ${whole(positions)} positions. Budget: ${bits} bits an image, ${(budgetBits / positions).toFixed(2)} a position.`;
  const columns = [
    "quantizer",
    "codes",
    "codebook size",
    "bits a code",
    "bits an image",
    "bits per pixel",
    "packed, 10^6 images",
    "npy",
    ...(images === null ? [] : ["draws a code", "expected usage"]),
  ];
  const rows = table(
    plan.candidates.map((each) => rowOf(each)),
    { head: columns, alignments: columns.map((_, i) => (i === 0 ? "left" : "right")) },
  );
  return [head, rows, ...plan.advice.map((line) => `- ${line}`)].join("\n\n").replaceAll("\n\n- ", "\n- ");
}

function rowOf(planned: PlannedQuantizer): string[] {
  const { codesPerImage, bitsPerCode, bitsPerImage, bitsPerPixel, codebookSize, nominalCodebookSize } =
    planned;
  const { drawsPerCode, expectedUsage } = planned;
  const nominal =
    nominalCodebookSize === null || nominalCodebookSize === codebookSize
      ? ""
      : ` of ${whole(nominalCodebookSize)}`;
  return [
    nameOf(planned),
    whole(codesPerImage),
    `${whole(codebookSize)}${nominal}`,
    bitsPerCode.toFixed(3),
    bitsPerImage.toFixed(1),
    bitsPerPixel.toFixed(4),
    bytes(planned.packedBytesPerMillion),
    bytes(planned.npyBytesPerMillion),
    ...(drawsPerCode === null
      ? []
      : [drawsPerCode < 100 ? drawsPerCode.toFixed(2) : whole(Math.round(drawsPerCode))]),
    ...(expectedUsage === null ? [] : [`${(100 * expectedUsage).toFixed(1)} %`]),
  ];
}

function nameOf({ quantizer, numCodebooks, levels, levelBits }: PlannedQuantizer): string {
  const times = numCodebooks === 1 ? "" : ` x${numCodebooks}`;
  if (Array.isArray(quantizer.scales)) return `${quantizer.kind} ${quantizer.scales.join(",")}`;
  if (levels === null) return `${quantizer.kind}${times}`;
  const bits = levelBits?.map((each) => each.toFixed(2)).join(" + ");
  return `${quantizer.kind} [${levels.join(",")}]${times} (${bits})`;
}

function whole(value: number): string {
  return value.toLocaleString("en-US");
}

/** In units of 1,000. */
function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let [scaled, unit] = [value, 0];
  while (scaled >= 1000 && unit < units.length - 1) {
    scaled /= 1000;
    unit++;
  }
  return `${Number(scaled.toPrecision(3))} ${units[unit]}`;
}
