/** Zstandard without compression, for tests on versions of Node that cannot write it. */

export type Block = Uint8Array | { readonly byte: number; readonly count: number };

export interface FrameOptions {
  /** Bytes that the frame may look back, as exponent of 2 from 10 on; default 17. Undefined states the content's size only. */
  readonly windowLog?: number;
  readonly dictionary?: number;
}

/** One frame of raw blocks and of repeated bytes. */
export function zstandardFrame(
  blocks: readonly Block[],
  { windowLog = 17, dictionary }: FrameOptions = {},
): Buffer {
  const header = [0x28, 0xb5, 0x2f, 0xfd, dictionary === undefined ? 0 : 1, (windowLog - 10) << 3];
  if (dictionary !== undefined) header.push(dictionary);
  const parts = blocks.flatMap((block, i) => {
    const last = i === blocks.length - 1 ? 1 : 0;
    const isRaw = block instanceof Uint8Array;
    const size = isRaw ? block.length : block.count;
    const start = Buffer.alloc(3);
    start.writeUIntLE(last | ((isRaw ? 0 : 1) << 1) | (size << 3), 0, 3);
    return [start, isRaw ? block : Uint8Array.of(block.byte)];
  });
  return Buffer.concat([Uint8Array.from(header), ...parts]);
}

/** Bytes as one frame of raw blocks. */
export function storedAsZstandard(bytes: Uint8Array, blockBytes = 2 ** 17): Buffer {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += blockBytes) blocks.push(bytes.subarray(at, at + blockBytes));
  return zstandardFrame(blocks.length === 0 ? [new Uint8Array(0)] : blocks);
}
