import type { TensorDtype } from "../tensor-data.js";
import type { PickleBuilders } from "./pickle.js";
import { PickleDict, PickleGlobal, PickleObject, PickleTuple, type PickleValue } from "./pickle-values.js";
import { type Storage, TensorView, viewFault } from "./tensor-view.js";

/** PyTorch's names of element types: the one before `Storage`, and that of `torch.dtype`. */
const DTYPES: ReadonlyMap<string, TensorDtype> = new Map<string, TensorDtype>([
  ["torch.DoubleStorage", "F64"],
  ["torch.FloatStorage", "F32"],
  ["torch.HalfStorage", "F16"],
  ["torch.BFloat16Storage", "BF16"],
  ["torch.LongStorage", "I64"],
  ["torch.IntStorage", "I32"],
  ["torch.ShortStorage", "I16"],
  ["torch.CharStorage", "I8"],
  ["torch.ByteStorage", "U8"],
  ["torch.BoolStorage", "BOOL"],
  ["torch.uint16", "U16"],
  ["torch.uint32", "U32"],
  ["torch.uint64", "U64"],
]);

/** A storage of bytes, whose tensors say what they hold. */
const UNTYPED = "torch.storage.UntypedStorage";

type Build = (args: readonly PickleValue[]) => PickleValue | undefined;

/** All that is ever made. */
const BUILDERS: ReadonlyMap<string, Build> = new Map<string, Build>([
  ["collections.OrderedDict", orderedDict],
  [
    "torch._utils._rebuild_tensor",
    ([storage, offset, shape, strides]) => view(storage, [offset, shape, strides]),
  ],
  [
    "torch._utils._rebuild_tensor_v2",
    ([storage, offset, shape, strides]) => view(storage, [offset, shape, strides]),
  ],
  ["torch._utils._rebuild_tensor_v3", typedView],
  ["torch._utils._rebuild_parameter", ([tensor]) => asView(tensor)],
  ["torch._utils._rebuild_parameter_with_state", ([tensor]) => asView(tensor)],
  ["torch._tensor._rebuild_from_type_v2", rebuiltFromType],
  ["torch.Size", ([sides]) => sides],
]);

/** Makes tensors, and the dicts that hold them. @param onStorage told of each storage that something names */
export function torchBuilders(onStorage: (storage: Storage) => void = () => {}): PickleBuilders {
  return {
    call: (name, args) => BUILDERS.get(name)?.(args),
    persistent: (id) => {
      const storage = storageOf(id);
      if (storage !== undefined) onStorage(storage);
      return storage;
    },
  };
}

/** ("storage", class, key, device, count), and in files before 1.6 a sixth: a view of another storage. */
function storageOf(id: PickleValue): Storage | undefined {
  if (!(id instanceof PickleTuple)) return undefined;
  const [what, type, key, , count, part] = id.items;
  if (what !== "storage" || !(type instanceof PickleGlobal) || typeof key !== "string") return undefined;
  const dtype = type.name === UNTYPED ? "U8" : DTYPES.get(type.name);
  if (dtype === undefined || !isSize(count) || (part !== undefined && part !== null)) return undefined;
  return { key, dtype, count };
}

function isStorage(value: PickleValue | undefined): value is Storage {
  return typeof value === "object" && value !== null && "key" in value && "dtype" in value;
}

function view(
  storage: PickleValue | undefined,
  [offset, shape, strides]: readonly (PickleValue | undefined)[],
) {
  if (!isStorage(storage) || typeof offset !== "number") return undefined;
  if (!(shape instanceof PickleTuple) || !(strides instanceof PickleTuple)) return undefined;
  const made = new TensorView(storage, offset, shape.items as number[], strides.items as number[]);
  const fault = viewFault(made); // checks that the items are sizes
  return fault === undefined ? made : new PickleObject(`a tensor with ${fault}`, []);
}

/** A tensor of a type that has no storage of its own name: the bytes of another, and the type beside them. */
function typedView([storage, offset, shape, strides, , , type]: readonly PickleValue[]):
  | PickleValue
  | undefined {
  const dtype = type instanceof PickleGlobal ? DTYPES.get(type.name) : undefined;
  if (!isStorage(storage) || dtype === undefined) return undefined;
  const width = { U16: 2, U32: 4, U64: 8 }[dtype as string];
  if (width === undefined || storage.dtype !== "U8" || storage.count % width !== 0) return undefined;
  return view({ ...storage, dtype, count: storage.count / width }, [offset, shape, strides]);
}

function asView(tensor: PickleValue | undefined): PickleValue | undefined {
  return tensor instanceof TensorView ? tensor : undefined;
}

/** A tensor of a class with attributes: (function, class, its arguments, attributes). */
function rebuiltFromType([callee, , args]: readonly PickleValue[]): PickleValue | undefined {
  if (!(callee instanceof PickleGlobal) || !(args instanceof PickleTuple)) return undefined;
  return callee.name === "torch._tensor._rebuild_from_type_v2"
    ? undefined
    : BUILDERS.get(callee.name)?.(args.items);
}

/** OrderedDict(), or of a list of pairs. */
function orderedDict([pairs]: readonly PickleValue[]): PickleValue | undefined {
  const dict = new PickleDict();
  if (pairs === undefined) return dict;
  if (!Array.isArray(pairs)) return undefined;
  for (const pair of pairs) {
    const items = pair instanceof PickleTuple ? pair.items : pair;
    if (!Array.isArray(items) || items.length !== 2) return undefined;
    dict.entries.set(items[0], items[1]);
  }
  return dict;
}

function isSize(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
