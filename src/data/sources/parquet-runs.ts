/**
 * Decodes Parquet's hybrid of run lengths and packed bits.
 *
 * @param width bits of a value, 0..32
 * @param count how many values there are to be; what a run has beyond that is an error, but for the filling of the last
 * packed group of 8
 * @throws Error where the bytes end before, or a run leads beyond `count`
 */
export function readRuns(
  bytes: Uint8Array,
  { width, count }: { readonly width: number; readonly count: number },
): Uint32Array {
  if (width > 32) throw new Error(`values of ${width} bits`);
  const values = new Uint32Array(count);
  let at = 0;
  for (let seen = 0; seen < count; ) {
    const { value: header, next } = varint(bytes, at);
    const packed = (header & 1) === 1;
    const length = packed ? 8 * (header >>> 1) : header >>> 1;
    const left = count - seen;
    if (length === 0 || length > (packed ? left + 7 : left))
      throw new Error(`a run of ${length} values for ${left}`);
    // A packed run may leave out the bytes of its filling.
    const used = packed ? Math.ceil((Math.min(length, left) * width) / 8) : Math.ceil(width / 8);
    if (next + used > bytes.length) throw new Error("a run beyond the end of its page");
    if (packed) unpack(bytes, next, { width, into: values.subarray(seen, seen + length) });
    else values.fill(littleEndian(bytes, next, used), seen, seen + length);
    at = next + (packed ? (length * width) / 8 : used);
    seen += length;
  }
  return values;
}

function varint(bytes: Uint8Array, start: number): { value: number; next: number } {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) break;
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return { value: value >>> 0, next: start + i + 1 };
  }
  throw new Error("a run beyond the end of its page");
}

function unpack(
  bytes: Uint8Array,
  start: number,
  { width, into }: { width: number; into: Uint32Array },
): void {
  for (let i = 0; i < into.length; i++) {
    let value = 0;
    for (let bit = 0; bit < width; bit++) {
      const at = i * width + bit;
      const set = ((bytes[start + (at >> 3)] as number) >> (at & 7)) & 1;
      value |= set << bit;
    }
    into[i] = value; // as unsigned
  }
}

function littleEndian(bytes: Uint8Array, start: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value |= (bytes[start + i] as number) << (8 * i);
  return value >>> 0;
}
