import { isDeepStrictEqual } from "node:util";
import {
  type AutoencoderConfig,
  type ImageAutoencoder,
  parseStoredModel,
  withModelPathInErrors,
} from "../autoencoder/index.js";
import { ConfigError, messageOf, type VqkitError } from "../core/errors.js";
import { assignWeightValues, storedWeightValues, type WeightValue } from "../nn/index.js";
import { parseQuantizerConfig, type QuantizerConfig } from "../quantizers/index.js";
import { modelFingerprint, originOf, readStoredModel } from "../runs/index.js";
import {
  parseSource,
  quantizerObject,
  type RunConfig,
  type RunOptions,
  type SourceConfig,
} from "./run-config.js";

/** A trained model that a run starts from. */
export interface SourceModel {
  /** As the run's config keeps it, with the fingerprint. */
  readonly from: SourceConfig;
  readonly path: string;
  readonly model: AutoencoderConfig;
  readonly quantizer: QuantizerConfig;
  readonly weights: ReadonlyMap<string, WeightValue>;
}

const QUANTIZER = "quantizer/";
const PROJECTION = "projection/";

/**
 * Reads the model that `from` names.
 *
 * @param from `RunOptions.from`, not yet trusted
 * @returns null when it names none
 * @throws ConfigError when the model has another fingerprint than it should; VqkitError("run" | "format" | "file")
 */
export async function readSource(from: unknown): Promise<SourceModel | null> {
  const source = parseSource(from);
  if (source === null) return null;
  const stored = await readStoredModel(source.model);
  const fingerprint = modelFingerprint(stored);
  if (source.fingerprint !== null && source.fingerprint !== fingerprint) {
    throw new ConfigError(
      "from.fingerprint",
      `expected ${source.fingerprint.slice(0, 16)} of ${source.model}, got ${fingerprint.slice(0, 16)}. The model has changed: leave the fingerprint out to start from it as it is.`,
    );
  }
  const { config, weights } = stored.file;
  const parsed = withModelPathInErrors(stored.path, () => ({
    ...parseStoredModel(config, weights),
    weights: storedWeightValues(weights),
  }));
  const original = originOf(config)?.original ?? null;
  const found = { ...source, fingerprint, original: original && { ...original } };
  return { from: found, path: stored.path, ...parsed };
}

/**
 * A run's options with what they leave open as in the model to start from: the autoencoder, the quantizer, and the
 * quantizer's options where it is of the same kind.
 */
export function completed(options: Partial<RunOptions> | RunConfig, source: SourceModel): RunOptions {
  const { model = {} } = options as { model?: object };
  const quantizer = options.quantizer === undefined ? {} : (quantizerObject(options.quantizer) as Given);
  return {
    ...options,
    // Of one model, runs of a comparison may use the codebook in different ways.
    from: { ...source.from, codebook: (parseSource(options.from) ?? source.from).codebook },
    // A preset says every field of the model.
    model: "preset" in model ? model : { ...source.model, ...model },
    quantizer: completedQuantizer(quantizer, source),
  } as RunOptions;
}

/** Options of a quantizer, not yet trusted. */
type Given = Readonly<Record<string, unknown>>;

/**
 * A quantizer's options with what they leave open as in the model to start from, where it is of the same kind. Options
 * of that model which contradict a given one (the decay of moving averages beside a codebook without them) are left out.
 */
export function completedQuantizer(given: Given, { quantizer }: Pick<SourceModel, "quantizer">): Given {
  const { kind = quantizer.kind } = given;
  if (kind !== quantizer.kind) return given;
  const { codebookSize, levels, ...others } = quantizer;
  // Two words for one thing.
  const isSized = given.codebookSize !== undefined || given.levels !== undefined;
  const inherited: Record<string, unknown> = isSized ? others : { ...quantizer };
  for (;;) {
    const completed = { ...inherited, ...given };
    const refused = refusedOption(completed);
    if (refused === undefined || refused in given || !(refused in inherited)) return completed;
    delete inherited[refused];
  }
}

/** The option that a quantizer's configuration is refused for; undefined when it is accepted. */
function refusedOption(quantizer: Given): string | undefined {
  try {
    parseQuantizerConfig(quantizer);
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error.path.replace(/^quantizer\./, "");
    throw error;
  }
}

/** What a run takes of its source in any case: the encoder and the decoder. */
export function networkWeights({ weights }: SourceModel): Map<string, WeightValue> {
  return part(weights, isOfNetworks);
}

/**
 * Gives a model the weights that a run starts from, by name: encoder and decoder always, the codebook unless it is to
 * be fresh, the projections beside the quantizer unless a fresh codebook has another code dimension.
 *
 * @throws VqkitError("format") naming the weights that do not fit; ConfigError when a frozen network would need a fresh
 * projection, and when a codebook that is no table of
 * weights (FSQ) is to be kept and is another
 */
export function takeWeights(
  model: ImageAutoencoder,
  source: SourceModel,
  { freeze }: Pick<RunConfig, "freeze">,
): void {
  const { from, path, weights } = source;
  const variables = model.variables();
  const isFresh = from.codebook === "fresh";
  const sameProjection = sameShapes(variables, weights, PROJECTION);
  const take = (isTaken: (name: string) => boolean) =>
    withModelPathInErrors(path, () => assignWeightValues(part(variables, isTaken), part(weights, isTaken)));
  take(isOfNetworks);
  if (!sameProjection && !isFresh) throw otherCodebook(from, "one of another code dimension");
  const network = freeze.find((part) => part !== "codebook");
  if (!sameProjection && network !== undefined) {
    throw new ConfigError(
      "freeze",
      `expected a codebook of the model's code dimension beside a frozen ${network}, got another: the convolution between both would have to begin anew, and stay random.`,
    );
  }
  if (sameProjection) take((name) => name.startsWith(PROJECTION));
  if (isFresh) return;
  const isCodebook = (name: string) => name.startsWith(QUANTIZER);
  if (
    model.quantizer.variables().size === 0 &&
    !isDeepStrictEqual(model.quantizer.config, source.quantizer)
  ) {
    throw otherCodebook(from, "another quantizer");
  }
  try {
    assignWeightValues(part(variables, isCodebook), part(weights, isCodebook));
  } catch (error) {
    throw otherCodebook(from, messageOf(error), error);
  }
}

function otherCodebook({ model, codebook }: SourceConfig, found: string, cause?: unknown): VqkitError {
  const what = codebook === "keep" ? "kept" : "frozen";
  return new ConfigError(
    "from.codebook",
    `expected the quantizer of ${model}, whose codebook is to be ${what}, got ${found.replace(/\.$/, "")}. Give that quantizer, or take a fresh codebook ("fresh").`,
    { cause },
  );
}

function isOfNetworks(name: string): boolean {
  return !name.startsWith(QUANTIZER) && !name.startsWith(PROJECTION);
}

function part<T>(all: ReadonlyMap<string, T>, isTaken: (name: string) => boolean): Map<string, T> {
  return new Map([...all].filter(([name]) => isTaken(name)));
}

type Shaped = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/** Whether the weights under a prefix are the same by name and shape. */
function sameShapes(a: Shaped, b: Shaped, prefix: string): boolean {
  const shapes = (all: Shaped) =>
    Object.fromEntries(
      [...all].flatMap(([name, { shape }]) => (name.startsWith(prefix) ? [[name, [...shape]]] : [])),
    );
  return isDeepStrictEqual(shapes(a), shapes(b));
}
