import { isDeepStrictEqual } from "node:util";
import { VqkitError } from "../../core/errors.js";
import { assertSameConventions, type MetricCard } from "../../metrics/index.js";
import type { RunRecord } from "../records/run-record.js";

/** What one seed was evaluated on: the same images for every quantizer. */
export interface ComparedImages {
  readonly seed: number;
  readonly images: number;
  /** Digest of the pixels; null when it was not recorded. */
  readonly imagesDigest: string | null;
}

/** Lines of the conventions that say which images were used: they may differ from seed to seed, not within one. */
const IMAGE_LINES: readonly string[] = ["imagesDigest", "evaluationImages"];

/**
 * Refuses runs whose figures may not stand in one table: all are to be measured by one set of conventions; those of one
 * seed on the same pixels, after training on as many files; those of different seeds on images from the same place.
 *
 * @returns what each seed was evaluated on
 * @throws VqkitError("run") naming two runs and what differs
 */
export function checkComparable(records: readonly RunRecord[]): ComparedImages[] {
  assertSameConventions(cards(records, ({ conventions }) => without(conventions, IMAGE_LINES)));
  assertSameConventions(cards(records, ({ figures }) => ({ heldOut: figures.heldOut })));
  checkSamePlace(records);
  return firstOfEachSeed(records).map((first) => {
    const { seed } = first.figures;
    const same = records.filter(({ figures }) => figures.seed === seed);
    assertSameConventions(cards(same, ({ conventions }) => conventions));
    assertSameConventions(cards(same, ({ figures }) => ({ images: figures.final.images })));
    checkTrainFiles(same);
    const { imagesDigest } = first.conventions;
    return {
      seed,
      images: first.figures.final.images,
      imagesDigest: typeof imagesDigest === "string" ? imagesDigest : null,
    };
  });
}

/** The conventions of all runs; what differs from seed to seed stands in `evaluations`. */
export function sharedConventions(records: readonly RunRecord[]): MetricCard {
  const [first, ...others] = records.map(({ conventions }) => conventions);
  const differing = IMAGE_LINES.filter((line) => others.some((card) => card[line] !== first?.[line]));
  return without(first ?? {}, differing);
}

/** By ascending seed. */
export function firstOfEachSeed(records: readonly RunRecord[]): RunRecord[] {
  const bySeed = new Map<number, RunRecord>();
  for (const record of records) {
    if (!bySeed.has(record.figures.seed)) bySeed.set(record.figures.seed, record);
  }
  return [...bySeed.values()].sort((a, b) => a.figures.seed - b.figures.seed);
}

/** Other seeds keep other files back; that these come from the same images, only the configuration says. */
function checkSamePlace(records: readonly RunRecord[]): void {
  const [first, ...others] = records;
  if (first === undefined) return;
  for (const record of others) {
    if (record.conventions.imagesDigest === first.conventions.imagesDigest) continue;
    const [expected, got] = [imagesOf(first), imagesOf(record)];
    if (isDeepStrictEqual(expected, got)) continue;
    throw new VqkitError(
      "run",
      `${record.run.dir}: expected images as of ${first.run.dir} (${JSON.stringify(expected)}), got others (${JSON.stringify(got)}), evaluated on other pixels. Compare runs on the same images.`,
    );
  }
}

function imagesOf({ config: { data } }: RunRecord): unknown {
  const { images, filesFrom } = (data ?? {}) as { readonly images?: unknown; readonly filesFrom?: unknown };
  return images ?? filesFrom ?? null;
}

function checkTrainFiles(records: readonly RunRecord[]): void {
  const [first, ...others] = records.filter(({ figures }) => figures.trainFiles !== null);
  const odd = others.find(({ figures }) => figures.trainFiles !== first?.figures.trainFiles);
  if (first === undefined || odd === undefined) return;
  throw new VqkitError(
    "run",
    `${odd.run.dir}: expected training on ${first.figures.trainFiles} files as in ${first.run.dir}, got ${odd.figures.trainFiles}. Compare runs on the same images.`,
  );
}

function cards(records: readonly RunRecord[], card: (record: RunRecord) => MetricCard) {
  return records.map((record) => ({ name: record.run.dir, card: card(record) }));
}

function without(card: MetricCard, lines: readonly string[]): MetricCard {
  return Object.fromEntries(Object.entries(card).filter(([line]) => !lines.includes(line)));
}
