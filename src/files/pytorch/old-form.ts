/** What `torch.save` wrote before PyTorch 1.6: pickles one after another, then the storages, each behind its length. */
import type { BoundedReader } from "../bounded-reader.js";
import { formatError, quoted } from "../file-errors.js";
import { bytesPerElement } from "../tensor-data.js";
import { unpickle } from "./pickle.js";
import { PickleDict, type PickleValue } from "./pickle-values.js";
import { type NamedTensors, namedTensors } from "./tensor-names.js";
import type { ReadStorage, Storage } from "./tensor-view.js";
import { torchBuilders } from "./torch-builders.js";

/** Of the pickles together. */
const MAX_PICKLES = 2 ** 26;
/** Bytes of a length. */
const LENGTH = 8;
const PROTOCOL = 1001;
const SIGNATURE = Buffer.from("80028a0a6cfc9c46f9206aa85019", "hex");

/** @param first the file's first bytes */
export function isOldForm(first: Uint8Array): boolean {
  return SIGNATURE.equals(first.subarray(0, SIGNATURE.length));
}

/** @throws VqkitError("format") for a damaged file; VqkitError("file") */
export async function readOldForm(
  reader: BoundedReader,
): Promise<{ named: NamedTensors; read: ReadStorage }> {
  const { path } = reader;
  const bytes = await reader.read(0, Math.min(reader.size, MAX_PICKLES));
  const storages = new Map<string, Storage>();
  const builders = torchBuilders((storage) => storages.set(storage.key, storage));
  let end = 0;
  const next = (): PickleValue => {
    const read = unpickle(bytes, { ...builders, where: path, start: end });
    end = read.end;
    return read.value;
  };
  next(); // the signature
  const protocol = next();
  if (protocol !== PROTOCOL)
    throw formatError(path, `expected protocol ${PROTOCOL}, got ${quoted(protocol)}.`);
  checkByteOrder(next(), path);
  const named = namedTensors(next(), path);
  const keys = next();
  const places = await placesOf(keys, { storages, reader, start: end });
  return {
    named,
    read: ({ key, dtype }, offset, length) => {
      const place = places.get(key);
      if (place === undefined) throw formatError(path, `expected a storage ${quoted(key)}, got none.`);
      const width = bytesPerElement(dtype);
      return reader.read(place + offset * width, length * width);
    },
  };
}

function checkByteOrder(system: PickleValue, path: string): void {
  if (!(system instanceof PickleDict) || system.entries.get("little_endian") !== true) {
    throw formatError(path, "expected little-endian values.");
  }
}

interface Behind {
  readonly storages: ReadonlyMap<string, Storage>;
  readonly reader: BoundedReader;
  /** The first byte after the pickles. */
  readonly start: number;
}

/** Where each storage's values begin. One of a class that is not known has no known length, so it ends the search. */
async function placesOf(
  keys: PickleValue,
  { storages, reader, start }: Behind,
): Promise<Map<string, number>> {
  const places = new Map<string, number>();
  if (!Array.isArray(keys)) throw formatError(reader.path, "expected a list of storages.");
  let at = start;
  for (const key of keys) {
    const storage = storages.get(key);
    if (storage === undefined) break;
    const length = await reader.read(at, LENGTH);
    const count = new DataView(length.buffer).getBigUint64(0, true);
    if (count !== BigInt(storage.count)) {
      throw formatError(
        reader.path,
        `expected ${storage.count} elements in storage ${quoted(key)}, got ${count}.`,
      );
    }
    places.set(key, at + LENGTH);
    at += LENGTH + storage.count * bytesPerElement(storage.dtype);
  }
  return places;
}
