import { openReader } from "./bounded-reader.js";
import { formatError, quoted } from "./file-errors.js";
import { headerLength, LENGTH_BYTES, parseHeader } from "./safetensors-header.js";
import { tensorOver } from "./tensor-data.js";
import type { TensorSource } from "./tensor-source.js";

/**
 * Opens a safetensors file to read its arrays one at a time.
 *
 * @throws VqkitError("format") when its header breaks a rule of the format; VqkitError("file")
 */
export async function openSafetensors(path: string): Promise<TensorSource> {
  const reader = await openReader(path);
  try {
    const prefix = await reader.read(0, Math.min(LENGTH_BYTES, reader.size));
    const start = LENGTH_BYTES + headerLength(prefix, reader.size, path);
    const header = await reader.read(LENGTH_BYTES, start - LENGTH_BYTES);
    const { entries } = parseHeader(header, reader.size - start, path);
    const byName = new Map(entries.map((entry) => [entry.name, entry]));
    return {
      paths: [path],
      tensors: byName,
      unreadable: new Map(),
      read: async (name) => {
        const entry = byName.get(name);
        if (entry === undefined) throw formatError(path, `expected a tensor ${quoted(name)}, got none.`);
        const { dtype, shape, begin, end } = entry;
        return tensorOver(dtype, shape, (await reader.read(start + begin, end - begin)).buffer);
      },
      close: () => reader.close(),
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}
