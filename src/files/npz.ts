import { withReader } from "./bounded-reader.js";
import { formatError } from "./file-errors.js";
import { decodeNpy } from "./npy.js";
import type { StoredTensor } from "./tensor-data.js";
import { ZipArchive } from "./zip-archive.js";

/**
 * Reads arrays out of NumPy's .npz, a zip archive of .npy files, as `savez` and `savez_compressed` write it.
 *
 * @param names of the arrays; what else there is, is not read
 * @param limit the most bytes of one array
 * @throws VqkitError("format") for what is no .npz, lacks an array, or has one that is larger; VqkitError("file")
 */
export async function readNpz<N extends string>(
  path: string,
  names: readonly N[],
  limit: number,
): Promise<Record<N, StoredTensor>> {
  return withReader(path, async (reader) => {
    const archive = await ZipArchive.open(reader);
    const missing = names.find((name) => archive.entry(`${name}.npy`) === undefined);
    if (missing !== undefined) {
      const found = archive.names().slice(0, 8).join(", ") || "none";
      throw formatError(path, `expected arrays ${names.join(", ")} in it, got ${found}.`);
    }
    const arrays = {} as Record<N, StoredTensor>;
    for (const name of names) {
      // Its header stands before the values.
      const bytes = await archive.readFile(`${name}.npy`, limit + 65_536);
      arrays[name] = decodeNpy(bytes, `${path}: ${name}.npy`);
    }
    return arrays;
  });
}
