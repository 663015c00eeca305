import { type BoundedReader, openReader } from "../bounded-reader.js";
import { crc32 } from "../crc32.js";
import { formatError, quoted } from "../file-errors.js";
import { bytesPerElement, type StoredTensor } from "../tensor-data.js";
import type { TensorInfo, TensorSource } from "../tensor-source.js";
import { ZipArchive } from "../zip-archive.js";
import { isOldForm, readOldForm } from "./old-form.js";
import { unpickle } from "./pickle.js";
import { type NamedTensors, namedTensors } from "./tensor-names.js";
import { contiguous, extentOf, type ReadStorage, type TensorView } from "./tensor-view.js";
import { torchBuilders } from "./torch-builders.js";

/** The pickle of a checkpoint names its tensors; the values stand beside it. */
const MAX_PICKLE = 2 ** 26;

const ZIP_SIGNATURE = 0x04034b50; // "PK\3\4"

/**
 * Opens what `torch.save` or TorchScript's `save` wrote: every tensor that it holds, by the keys and attributes that
 * lead to it. Runs nothing of it: see `unpickle`.
 *
 * @throws VqkitError("format") for another file, or a damaged one; VqkitError("file")
 */
export async function openPytorch(path: string): Promise<TensorSource> {
  const reader = await openReader(path);
  try {
    const { named, read } = await readForm(reader);
    return sourceOf(reader, named, read);
  } catch (error) {
    await reader.close();
    throw error;
  }
}

async function readForm(reader: BoundedReader): Promise<{ named: NamedTensors; read: ReadStorage }> {
  const { path, size } = reader;
  const first = await reader.read(0, Math.min(size, 16));
  if (size >= 16 && new DataView(first.buffer).getUint32(0, true) === ZIP_SIGNATURE)
    return readArchive(reader);
  if (isOldForm(first)) return readOldForm(reader);
  throw formatError(
    path,
    "expected a file that torch.save wrote, got another. Give a .ckpt, .pt, .pth, .bin or .safetensors file.",
  );
}

/** The zip archive of PyTorch 1.6 and later. */
async function readArchive(reader: BoundedReader): Promise<{ named: NamedTensors; read: ReadStorage }> {
  const { path } = reader;
  const archive = await ZipArchive.open(reader);
  const pickle = archive.names().find((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  if (pickle === undefined) {
    throw formatError(path, "expected the data.pkl of a PyTorch file in this zip archive, got none.");
  }
  const root = pickle.slice(0, -"data.pkl".length);
  await checkByteOrder(archive, { root, path });
  const size = archive.entry(pickle)?.size ?? 0;
  if (size > MAX_PICKLE) {
    throw formatError(path, `expected data.pkl of at most ${MAX_PICKLE} bytes, got ${size}.`);
  }
  const bytes = await archive.read(pickle, 0, size);
  const { value } = unpickle(bytes, { ...torchBuilders(), where: `${path}: data.pkl` });
  return { named: namedTensors(value, path), read: storageReader(archive, root, path) };
}

async function checkByteOrder(
  archive: ZipArchive,
  { root, path }: { readonly root: string; readonly path: string },
): Promise<void> {
  const size = archive.entry(`${root}byteorder`)?.size;
  if (size === undefined) return;
  const order = Buffer.from(await archive.read(`${root}byteorder`, 0, Math.min(size, 16))).toString("latin1");
  if (order !== "little") throw formatError(path, `expected little-endian values, got ${quoted(order)}.`);
}

function storageReader(archive: ZipArchive, root: string, path: string): ReadStorage {
  return async ({ key, dtype, count }, offset, length) => {
    const name = `${root}data/${key}`;
    const width = bytesPerElement(dtype);
    const entry = archive.entry(name);
    if (entry !== undefined && entry.size < count * width) {
      throw formatError(path, `expected ${count * width} bytes in ${quoted(name)}, got ${entry.size}.`);
    }
    const bytes = await archive.read(name, offset * width, length * width);
    const isWhole = entry?.size === bytes.length;
    if (isWhole && entry.crc32 !== 0 && crc32(bytes) !== entry.crc32) {
      throw formatError(path, `${quoted(name)} is damaged (its CRC-32 differs). Download the file again.`);
    }
    return bytes;
  };
}

function sourceOf(
  reader: BoundedReader & { close(): Promise<void> },
  { tensors, unreadable }: NamedTensors,
  read: ReadStorage,
): TensorSource {
  const infoOf = ({ storage, shape }: TensorView): TensorInfo => ({ dtype: storage.dtype, shape });
  return {
    paths: [reader.path],
    tensors: new Map([...tensors].map(([name, view]) => [name, infoOf(view)])),
    unreadable,
    read: async (name): Promise<StoredTensor> => {
      const view = tensors.get(name);
      if (view === undefined) throw formatError(reader.path, `expected a tensor ${quoted(name)}, got none.`);
      const { offset, length } = extentOf(view);
      const bytes = await read(view.storage, offset, length);
      return contiguous(view, bytes.buffer);
    },
    close: () => reader.close(),
  };
}
