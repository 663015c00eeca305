/** Markers of JPEG (ITU-T T.81, table B.1). */
const START = 0xd8;
const END = 0xd9;
const SCAN = 0xda;
/** Markers without a length behind them: TEM, RST0 to RST7, SOI. */
const isBare = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= START);
/** Markers of a frame header; DHT, JPG and DAC stand between them. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
const isProgressive = (marker: number): boolean => marker % 4 === 2;

/**
 * A JPEG that lacks nothing but its end marker, with that marker behind it: files whose last two bytes were lost, as
 * some cameras and servers do.
 *
 * Every coefficient of every component must have been sent to its last bit, because a progressive file that ends between
 * two of its scans would otherwise pass for a whole one. That the last scan is complete, decoding tells.
 *
 * @returns undefined for any other file
 */
export function withEndMarker(content: Uint8Array): Uint8Array | undefined {
  if (content[0] !== 0xff || content[1] !== START || !endsInLastScan(content)) return undefined;
  return Buffer.concat([content, Uint8Array.of(0xff, END)]);
}

/** Walks from marker to marker. */
function endsInLastScan(content: Uint8Array): boolean {
  const sent = new SentBits();
  for (let at = nextMarker(content, 2); at < content.length; ) {
    const marker = content[at + 1] as number;
    if (marker === END) return false;
    if (isBare(marker)) {
      at = nextMarker(content, at + 2);
      continue;
    }
    const length = ((content[at + 2] ?? 0) << 8) | (content[at + 3] ?? 0);
    const segment = content.subarray(at + 4, at + 2 + length);
    if (length < 2 || segment.length < length - 2) return false;
    if (isFrame(marker)) sent.frame(segment, isProgressive(marker));
    if (marker === SCAN) sent.scan(segment);
    at = nextMarker(content, at + 2 + length);
    if (marker === SCAN) at = endOfScan(content, at);
    if (at >= content.length) return marker === SCAN && sent.complete;
  }
  return false;
}

/** The place of the next 0xff that another byte than 0 or 0xff follows; the length where there is none. */
function nextMarker(content: Uint8Array, from: number): number {
  for (let at = content.indexOf(0xff, from); at >= 0; at = content.indexOf(0xff, at + 1)) {
    const next = content[at + 1];
    if (next !== undefined && next !== 0 && next !== 0xff) return at;
  }
  return content.length;
}

/** Restart markers stand inside a scan's data. */
function endOfScan(content: Uint8Array, from: number): number {
  let at = from;
  while (at < content.length && ((content[at + 1] as number) & 0xf8) === 0xd0)
    at = nextMarker(content, at + 2);
  return at;
}

/** Which bits of each component's 64 coefficients the scans so far have sent. */
class SentBits {
  /** By component: the lowest bit sent of each coefficient; -1 where none is. */
  readonly #lowest = new Map<number, Int8Array>();
  #progressive = false;

  frame(segment: Uint8Array, progressive: boolean): void {
    this.#progressive = progressive;
    for (let at = 6; at < segment.length; at += 3) {
      this.#lowest.set(segment[at] as number, new Int8Array(64).fill(-1));
    }
  }

  scan(segment: Uint8Array): void {
    const count = segment[0] ?? 0;
    // Behind the components: first and last coefficient, and the bits before and after this scan.
    const [first = 0, last = 0, bits = 0] = segment.subarray(1 + 2 * count);
    for (let i = 0; i < count; i++) {
      const lowest = this.#lowest.get(segment[1 + 2 * i] as number);
      if (this.#progressive) lowest?.fill(bits & 15, first, last + 1);
      else lowest?.fill(0);
    }
  }

  get complete(): boolean {
    const all = [...this.#lowest.values()];
    return all.length > 0 && all.every((lowest) => lowest.every((bit) => bit === 0));
  }
}
