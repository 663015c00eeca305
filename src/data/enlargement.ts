import { evenlySpaced } from "../core/evenly.js";
import { type MemoryNeed, memoryFault, OversizeError } from "../core/oversize.js";
import { decodable } from "./decode.js";
import { type ResizeRule, resizedSize, type Size } from "./geometry.js";
import { type ImageSource, loadItem, type SourceItem } from "./image-source.js";
import { mapAhead } from "./prefetch.js";
import { withFile } from "./read-file.js";
import { sizeOf } from "./render.js";

/** Images that are looked at, spread evenly. */
export const ENLARGEMENT_SAMPLE = 32;

/** How much larger images become by a rule. */
export interface Enlargement {
  /** Images that were looked at. */
  readonly looked: number;
  /** Those that become larger. */
  readonly enlarged: number;
  /** The middle one of them all by its enlargement: its own size, what becomes of it, and how many times as long its sides are then. */
  readonly median: { readonly from: Size; readonly to: Size; readonly factor: number };
}

/**
 * Looks at the sizes of images, by their heads; what cannot be read does not count.
 *
 * @returns undefined when none can be read
 */
export async function enlargementOf(
  items: readonly (string | SourceItem)[],
  rule: ResizeRule,
): Promise<Enlargement | undefined> {
  const found: Enlargement["median"][] = [];
  const looked = evenlySpaced(items.length, Math.min(items.length, ENLARGEMENT_SAMPLE));
  const sizes = mapAhead(looked, (i) => readSize(items[i] as string | SourceItem), { ahead: 3 });
  for await (const from of sizes) {
    if (from === undefined) continue;
    const to = resizedSize(from, rule);
    found.push({ from, to, factor: Math.max(to.height / from.height, to.width / from.width) });
  }
  found.sort((a, b) => a.factor - b.factor);
  const median = found[Math.floor((found.length - 1) / 2)];
  if (median === undefined) return undefined;
  return { looked: found.length, enlarged: found.filter(({ factor }) => factor > 1).length, median };
}

/** Images may become this many times as large without being asked about. */
const MOST_ENLARGEMENT = 2;

/**
 * Refuses a size that enlarges images more than twice, or for which memory does not suffice.
 *
 * @param path the option that gives the size
 * @throws OversizeError
 */
export function refuseOversize(
  path: string,
  { enlargement, need }: { readonly enlargement: Enlargement | null; readonly need: MemoryNeed },
): void {
  const tooLarge = enlargement !== null && enlargement.median.factor > MOST_ENLARGEMENT ? enlargement : null;
  const fault = memoryFault(need);
  if (tooLarge === null && fault === undefined) return;
  const texts = [
    ...(tooLarge === null ? [] : [enlargementText(tooLarge)]),
    ...(fault === undefined
      ? []
      : [`${tooLarge === null ? "expected a size that memory suffices for: " : ""}${fault}.`]),
  ];
  throw new OversizeError(path, texts.map(capitalized).join(" "), {
    enlargement: tooLarge?.median.factor ?? null,
    bytesNeeded: fault === undefined ? null : need.bytes,
  });
}

/** `2.5 times` */
export function timesText(factor: number): string {
  return `${Number(factor.toPrecision(3)).toLocaleString("en-US")} times`;
}

function enlargementText({ looked, median: { from, to, factor } }: Enlargement): string {
  const middle = looked === 1 ? "the image" : `the middle one of ${looked} images`;
  return `expected at most twice the size of the images, got ${timesText(factor)} that of ${middle}: ${from.width}×${from.height} would become ${to.width}×${to.height}.`;
}

/** The first sentence follows the option's name. */
function capitalized(text: string, i: number): string {
  return i === 0 ? text : text.charAt(0).toUpperCase() + text.slice(1);
}

async function readSize(item: string | SourceItem): Promise<Size | undefined> {
  try {
    const source: ImageSource = typeof item === "string" ? item : (await loadItem(item)).source;
    if (typeof source === "string") return await withFile(source, sizeOf);
    return await sizeOf(decodable(source, "image"));
  } catch {
    return undefined; // decoding will tell why
  }
}
