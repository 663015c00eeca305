/**
 * safetensors files (https://github.com/huggingface/safetensors): arrays by name behind a JSON header. Reading runs no
 * code and allocates no more than the file is long.
 */
import { writeFileAtomic } from "./atomic-file.js";
import { withReader } from "./bounded-reader.js";
import { headerLength, LENGTH_BYTES, layOut, type Metadata, parseHeader } from "./safetensors-header.js";
import { bytesOf, type StoredTensor, type TensorMap, tensorOver } from "./tensor-data.js";

/** What a safetensors file holds. `metadata` has no prototype: any key is a plain key. */
export interface SafetensorsContent {
  readonly tensors: TensorMap;
  readonly metadata: Metadata;
}

/**
 * Writes arrays and metadata, whole or not at all. Equal content gives equal bytes, whatever the order of the map.
 *
 * @throws VqkitError("format") for an array whose dtype, shape and values disagree; VqkitError("file")
 */
export async function writeSafetensors(path: string, tensors: TensorMap, metadata: Metadata): Promise<void> {
  const { prefix, ordered } = layOut(tensors, metadata, path);
  await writeFileAtomic(path, [prefix, ...ordered.map(bytesOf)]);
}

/**
 * Reads a safetensors file, each array into memory of its own.
 *
 * @throws VqkitError("format") when it breaks any rule of the format; VqkitError("file") when it cannot be read
 */
export async function readSafetensors(path: string): Promise<SafetensorsContent> {
  return withReader(path, async (reader) => {
    const prefix = await reader.read(0, Math.min(LENGTH_BYTES, reader.size));
    const dataStart = LENGTH_BYTES + headerLength(prefix, reader.size, path);
    const header = await reader.read(LENGTH_BYTES, dataStart - LENGTH_BYTES);
    const { entries, metadata } = parseHeader(header, reader.size - dataStart, path);
    const tensors = new Map<string, StoredTensor>();
    for (const { name, dtype, shape, begin, end } of entries) {
      const bytes = await reader.read(dataStart + begin, end - begin);
      tensors.set(name, tensorOver(dtype, shape, bytes.buffer));
    }
    return { tensors, metadata };
  });
}

/** The bytes of a safetensors file. @throws VqkitError("format") for an array whose dtype, shape and values disagree */
export function encodeSafetensors(tensors: TensorMap, metadata: Metadata): Uint8Array {
  const { prefix, ordered } = layOut(tensors, metadata, "safetensors");
  return Buffer.concat([prefix, ...ordered.map(bytesOf)]);
}

/**
 * Reads the bytes of a safetensors file; the arrays are copies.
 *
 * @param where names the bytes in messages
 * @throws VqkitError("format") when they break any rule of the format
 */
export function decodeSafetensors(bytes: Uint8Array, where = "safetensors"): SafetensorsContent {
  const dataStart = LENGTH_BYTES + headerLength(bytes, bytes.length, where);
  const header = bytes.subarray(LENGTH_BYTES, dataStart);
  const { entries, metadata } = parseHeader(header, bytes.length - dataStart, where);
  const tensors = new Map<string, StoredTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    const values = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
    tensors.set(name, tensorOver(dtype, shape, values.buffer));
  }
  return { tensors, metadata };
}
