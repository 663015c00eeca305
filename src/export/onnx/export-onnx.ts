import { z } from "zod";
import { checkDecoder } from "../../autoencoder/index.js";
import { type EngineOptions, withMetadata } from "../../backend/index.js";
import { parseConfig } from "../../core/config.js";
import { OutputFolder } from "../../files/index.js";
import { loadModel, Tokenizer } from "../../tokenizer/index.js";
import { codesShapeText, type ModelFacts, modelFacts } from "../model-facts.js";
import type { OutputOptions } from "../output-options.js";
import { ofOneSize, type SampleImages, sampleImages } from "../sample-images.js";
import { type Borderline, borderlineOf } from "./borderline.js";
import { type OnnxGraphs, writeOnnxGraphs } from "./graphs.js";
import { OnnxTokenizer } from "./onnx-tokenizer.js";
import { type PixelFormat, pixelFormats } from "./pixels.js";
import { checkRoundTrip, compareRoundTrip, type RoundTrip } from "./round-trip.js";

export interface ExportOnnxOptions extends OutputOptions, EngineOptions {
  /** Default "uint8". */
  readonly pixels?: PixelFormat;
  /**
   * Images to compare the files with the model on, as paths and patterns; by default the run's own evaluation files (at
   * most 64 of them), and synthetic images where these are not to be found.
   */
  readonly check?: string | readonly string[];
  /** Of the run's own evaluation files at most this many, spread evenly; default 64. */
  readonly checkAtMost?: number;
  /** Told of each image that has been compared. */
  readonly onImage?: (done: number, total: number) => void;
}

/** What `exportOnnx` wrote. */
export interface OnnxExport {
  readonly dir: string;
  readonly files: readonly string[];
  readonly roundTrip: RoundTrip;
  /** What a person should know; one sentence each. */
  readonly warnings: readonly string[];
}

/** The version of the files' interface: inputs, outputs and metadata, as docs/export.md has them. */
const FORMAT_VERSION = 1;

const pixelsSchema = z.enum(pixelFormats).default("uint8");

/**
 * Writes a trained model as encoder.onnx (pixels → indices) and decoder.onnx (indices → pixels), after comparing both
 * with the model: every index has to be the same, but for one in 10,000 whose latent lies on the border between two
 * codes, and every pixel within one 8-bit level. See docs/export.md.
 *
 * @param path a run folder, or a model file (`model.safetensors`)
 * @throws ConfigError for a wrong option; VqkitError("numerics") when the comparison fails, and then nothing is written;
 * VqkitError("format") for a quantizer that cannot be written, and an encoder by itself; as `Tokenizer.load`
 */
export async function exportOnnx(path: string, options: ExportOnnxOptions): Promise<OnnxExport> {
  const pixels = parseConfig(pixelsSchema, options.pixels, "pixels");
  return OutputFolder.fill(options.out, options, async (folder) => {
    const loaded = await loadModel(path, options);
    try {
      checkDecoder(loaded.model.config, "export");
      const facts = await modelFacts(path, loaded);
      // Before a tokenizer freezes the weights: tables are computed from them as training does.
      const graphs = await writeOnnxGraphs(loaded.model, { pixels, metadata: metadataOf(facts, pixels) });
      const live = await Tokenizer.from(loaded);
      const samples = ofOneSize(
        await sampleImages(options.check, facts.run, options.checkAtMost),
        live.imageSide,
      );
      const borderline = borderlineOf(loaded.model);
      return await checkAndWrite(folder, { live, graphs, pixels, samples, borderline, options });
    } finally {
      loaded.model.dispose();
    }
  });
}

interface Checked {
  readonly live: Tokenizer;
  readonly graphs: OnnxGraphs;
  readonly pixels: PixelFormat;
  readonly samples: SampleImages;
  readonly borderline: Borderline;
  readonly options: ExportOnnxOptions;
}

async function checkAndWrite(
  folder: OutputFolder,
  { live, graphs, pixels, samples, borderline, options }: Checked,
): Promise<OnnxExport> {
  const exported = await OnnxTokenizer.create(graphs, pixels);
  try {
    const roundTrip = await compareRoundTrip(live, exported, {
      samples,
      borderline,
      onImage: (done) => options.onImage?.(done, samples.count),
    });
    checkRoundTrip(roundTrip);
    const counted = {
      checkedIndices: String(roundTrip.indices),
      borderlineIndices: String(roundTrip.borderlineIndices),
    };
    const files = {
      "encoder.onnx": withMetadata(graphs.encoder, counted),
      "decoder.onnx": withMetadata(graphs.decoder, counted),
    };
    for (const [name, content] of Object.entries(files)) await folder.write(name, content);
    return { dir: options.out, files: Object.keys(files), roundTrip, warnings: samples.warnings };
  } finally {
    await exported.release();
  }
}

/** What stands in the files under `metadata_props`; texts, numbers as decimals, objects as JSON. */
function metadataOf(facts: ModelFacts, pixels: PixelFormat): Record<string, string> {
  const { summary, origin, codebookSize, numCodebooks, downsamplingFactor: factor } = facts;
  return {
    format: "vqkit-onnx",
    formatVersion: String(FORMAT_VERSION),
    vqkitVersion: facts.version,
    fingerprint: facts.fingerprint,
    codebookSize: String(codebookSize),
    numCodebooks: String(numCodebooks),
    codeDim: String(facts.codeDim),
    downsamplingFactor: String(factor),
    pixels:
      pixels === "uint8"
        ? "uint8 [batch, height, width, 3], RGB, 0..255"
        : "float32 [batch, 3, height, width], RGB, -1..1; a byte b is b/127.5 - 1",
    indices: `int32 [batch, ${codesShapeText(facts)}, ${numCodebooks}], 0..${codebookSize - 1}`,
    model: JSON.stringify(facts.model),
    quantizer: JSON.stringify(facts.quantizer),
    ...(origin === undefined ? {} : { origin: JSON.stringify(origin) }),
    ...(summary === undefined
      ? {}
      : {
          figures: JSON.stringify(summary.figures.final ?? null),
          conventions: JSON.stringify(summary.conventions),
        }),
  };
}
