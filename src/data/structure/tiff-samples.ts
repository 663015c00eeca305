/** What the samples of a TIFF's pixels are, as far as its first directory says (TIFF 6.0, pages 26, 31, 37). */
export interface TiffSamples {
  /** Samples of one pixel that are its colour. */
  readonly colours: number;
  /** What each further sample is: 1 and 2 are alpha, 0 and all others are of unknown meaning. */
  readonly extra: readonly number[];
}

/** Tags of a directory that matter here. */
const PHOTOMETRIC = 262;
const SAMPLES_PER_PIXEL = 277;
const EXTRA_SAMPLES = 338;

/** Samples of colour by PhotometricInterpretation: grey and palettes have one, CMYK four. */
const COLOURS: ReadonlyMap<number, number> = new Map([
  [0, 1], // white is zero
  [1, 1], // black is zero
  [2, 3], // RGB
  [3, 1], // palette
  [5, 4], // separated: CMYK
  [6, 3], // YCbCr
  [8, 3], // CIE L*a*b*
  [9, 3],
  [10, 3],
]);

/** More are not looked at: no reader makes a picture of them. */
const MOST_SAMPLES = 4096;

/**
 * Reads how many samples a pixel has and what they are. Nothing outside the file is read, and nothing is allocated for a
 * claim.
 *
 * @returns undefined for what is no TIFF, is damaged, or has colours that are not known; its reader tells why
 */
export function tiffSamples(content: Uint8Array): TiffSamples | undefined {
  const file = openTiff(content);
  if (file === undefined) return undefined;
  const entries = directory(file);
  const [photometric = -1] = shorts(file, entries.get(PHOTOMETRIC));
  const [samples = 1] = shorts(file, entries.get(SAMPLES_PER_PIXEL));
  const colours = COLOURS.get(photometric);
  if (colours === undefined || samples > MOST_SAMPLES) return undefined;
  const kinds = shorts(file, entries.get(EXTRA_SAMPLES));
  const extra = Array.from({ length: Math.max(0, samples - colours) }, (_, i) => kinds[i] ?? 0);
  return { colours, extra };
}

interface TiffFile {
  readonly view: DataView;
  readonly little: boolean;
  /** BigTIFF: offsets and counts of 8 bytes. */
  readonly big: boolean;
}

function openTiff(content: Uint8Array): TiffFile | undefined {
  if (content.length < 16) return undefined;
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const order = view.getUint16(0);
  const little = order === 0x4949;
  if (!little && order !== 0x4d4d) return undefined;
  const version = view.getUint16(2, little);
  return version === 42 || version === 43 ? { view, little, big: version === 43 } : undefined;
}

/** One entry of a directory. */
interface Entry {
  readonly type: number;
  readonly count: number;
  /** Where its value, or the offset of its value, stands. */
  readonly at: number;
}

/** The entries of the first directory by tag, as far as they lie inside the file. */
function directory(file: TiffFile): ReadonlyMap<number, Entry> {
  const { view, little, big } = file;
  const entries = new Map<number, Entry>();
  const start = big ? long8(file, 8) : view.getUint32(4, little);
  const first = start + (big ? 8 : 2);
  if (first > view.byteLength) return entries;
  const count = big ? long8(file, start) : view.getUint16(start, little);
  const size = big ? 20 : 12;
  for (let i = 0, at = first; i < count && at + size <= view.byteLength; i++, at += size) {
    entries.set(view.getUint16(at, little), {
      type: view.getUint16(at + 2, little),
      count: big ? long8(file, at + 4) : view.getUint32(at + 4, little),
      at: at + (big ? 12 : 8),
    });
  }
  return entries;
}

/** The values of an entry of 16-bit integers; none where it is absent, of another type, or outside the file. */
function shorts(file: TiffFile, entry: Entry | undefined): number[] {
  const SHORT = 3;
  if (entry === undefined || entry.type !== SHORT || entry.count > MOST_SAMPLES) return [];
  const { view, little, big } = file;
  const inline = 2 * entry.count <= (big ? 8 : 4);
  const at = inline ? entry.at : big ? long8(file, entry.at) : view.getUint32(entry.at, little);
  if (at + 2 * entry.count > view.byteLength) return [];
  return Array.from({ length: entry.count }, (_, i) => view.getUint16(at + 2 * i, little));
}

/** An offset or count of 8 bytes; a file has no more than 2^53. */
function long8({ view, little }: TiffFile, at: number): number {
  return Number(view.getBigUint64(at, little));
}
