/**
 * LZ4 blocks: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md. Every length is held against the bytes that are
 * there and the room that is left; libraries fill up with zeros instead.
 */

/** A length of one byte of input stands for 255 bytes of output at most. */
export function mostFromLz4(input: number): number {
  return 64 + 255 * input;
}

/** @param length of the output, which the block must have exactly @throws Error that says what is wrong */
export function decodeLz4Block(input: Uint8Array, length: number): Uint8Array {
  if (!(length >= 0 && length <= mostFromLz4(input.length)))
    throw new Error(`an LZ4 block of ${length} bytes`);
  const output = new Uint8Array(length);
  const written = decodeInto(output, input);
  if (written !== length) throw new Error(`an LZ4 block of ${written} bytes instead of ${length}`);
  return output;
}

/**
 * Blocks one behind the other, each with its lengths before and after decompression as big-endian u32: what Hadoop and
 * parquet-mr write. Arrow has written bare blocks under the same name, so those are tried where the framing does not fit.
 */
export function decodeHadoopLz4(input: Uint8Array, length: number): Uint8Array {
  const blocks = hadoopBlocks(input, length);
  if (blocks === undefined) return decodeLz4Block(input, length);
  const output = new Uint8Array(length);
  let at = 0;
  for (const block of blocks) {
    output.set(decodeLz4Block(block.bytes, block.length), at);
    at += block.length;
  }
  return output;
}

interface Block {
  readonly bytes: Uint8Array;
  readonly length: number;
}

/** The blocks of a framing whose lengths add up, else undefined. */
function hadoopBlocks(input: Uint8Array, length: number): readonly Block[] | undefined {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const blocks: Block[] = [];
  let total = 0;
  let at = 0;
  while (at < input.length) {
    if (at + 8 > input.length) return undefined;
    const [after, before] = [view.getUint32(at), view.getUint32(at + 4)];
    const end = at + 8 + before;
    total += after;
    if (end > input.length || total > length || after > mostFromLz4(before)) return undefined;
    blocks.push({ bytes: input.subarray(at + 8, end), length: after });
    at = end;
  }
  return total === length ? blocks : undefined;
}

/** @returns bytes written */
function decodeInto(output: Uint8Array, input: Uint8Array): number {
  let from = 0;
  let to = 0;
  const extended = (length: number): number => {
    let total = length;
    if (length < 15) return total;
    for (;;) {
      const byte = input[from++];
      if (byte === undefined) throw new Error("an LZ4 block that is cut short");
      total += byte;
      if (byte < 255) return total;
    }
  };
  while (from < input.length) {
    const token = input[from++] as number;
    const literals = extended(token >> 4);
    if (from + literals > input.length) throw new Error("an LZ4 block that is cut short");
    if (to + literals > output.length) throw new Error("an LZ4 block of more bytes than it states");
    output.set(input.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === input.length) break; // the last sequence has no match
    if (from + 2 > input.length) throw new Error("an LZ4 block that is cut short");
    const offset = (input[from] as number) | ((input[from + 1] as number) << 8);
    from += 2;
    const length = 4 + extended(token & 15);
    if (offset === 0 || offset > to) throw new Error(`an LZ4 match ${offset} bytes back of ${to}`);
    if (to + length > output.length) throw new Error("an LZ4 block of more bytes than it states");
    copyMatch(output, { to, offset, length });
    to += length;
  }
  return to;
}

/** What a match copies may overlap what it writes: then it repeats itself. */
function copyMatch(
  output: Uint8Array,
  { to, offset, length }: { readonly to: number; readonly offset: number; readonly length: number },
): void {
  for (let done = 0; done < length; ) {
    // What is written already counts as source, so the piece doubles.
    const piece = Math.min(length - done, offset + done);
    output.copyWithin(to + done, to - offset, to - offset + piece);
    done += piece;
  }
}
