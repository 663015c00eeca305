import { type GraphBuilder, sizeOf } from "./onnx/graph-builder.js";
import { Value } from "./onnx/value.js";
import type { DataRecord, Operand, Operation, TensorSpec } from "./recording.js";

/**
 * Tensors of fewer elements (4 MiB of float32) are kept whatever they are made of: there is more to gain in time than in
 * memory.
 */
const largeSize = 2 ** 20;

/** The most operations that are done again for one tensor that is not kept. */
const longestWay = 4;

/**
 * Kernels of one pass over their operands, which cost less than the products between which they stand. Relu is none of them:
 * it joins the operator before it, and its gradient needs no more than its result.
 */
const cheapKernels: ReadonlySet<string> = new Set([
  ..."Add Sub Multiply RealDiv Neg Square Sqrt Maximum Minimum".split(" "),
  ..."Relu6 LeakyRelu Elu Sigmoid Tanh".split(" "),
]);

/**
 * Which tensors of a recording are made twice, in place of being kept over the moment at which most memory is taken.
 *
 * That moment is where a training step turns back: the way back needs what the way there has made, such as a norm's map, a
 * gate and an activation. What follows from kept tensors by a few cheap operations is forgotten and made again, as in
 * Chen et al. 2016, https://arxiv.org/abs/1604.06174.
 */
export interface Remaking {
  /** From this operation on, by its place in the recording, these tensors are the ones made again. */
  readonly from: number;
  /** What makes each of them, and each that lies between. */
  readonly makers: ReadonlyMap<DataRecord, Operation>;
}

/** @param operations in order */
export function remakingOf(operations: readonly Operation[], targets: readonly DataRecord[]): Remaking {
  const lastUse = lastUses(operations, targets);
  const from = peakOf(operations, lastUse);
  const isUsedAfter = (record: DataRecord): boolean => (lastUse.get(record) ?? -1) >= from;
  const makers = new Map<DataRecord, Operation>();
  const makersBefore = new Map<DataRecord, Operation>();
  /** The operations that make a tensor of what is kept; undefined where they are too many or too dear. */
  const wayTo = (record: DataRecord, most: number): Operation[] | undefined => {
    const maker = makersBefore.get(record);
    if (maker === undefined || most === 0 || !cheapKernels.has(maker.kernel.name)) return undefined;
    const way = new Set([maker]);
    for (const { data } of maker.operands) {
      const isThere = !isLarge(data) || !makersBefore.has(data) || makers.has(data) || isUsedAfter(data);
      const wayThere = isThere ? [] : wayTo(data, most - way.size);
      if (wayThere === undefined) return undefined;
      for (const operation of wayThere) way.add(operation);
    }
    return way.size <= most ? [...way] : undefined;
  };
  const wanted = new Set(targets);
  for (const operation of operations.slice(0, from)) {
    for (const made of operation.outputs) {
      makersBefore.set(made, operation);
      if (!isLarge(made) || !isUsedAfter(made) || wanted.has(made)) continue;
      for (const maker of wayTo(made, longestWay) ?? []) makers.set(maker.outputs[0] as DataRecord, maker);
    }
  }
  return { from, makers };
}

/**
 * The same operation once more. Large operands come under another shape: of two nodes that read the same, ONNX Runtime
 * would keep the first.
 */
export function lowerAgain(
  g: GraphBuilder,
  { kernel, operands, attrs, outputs }: Operation,
  valueFor: (operand: Operand) => Value,
): Value {
  const { shape, dtype } = outputs[0] as TensorSpec;
  const longer = [1, ...shape];
  const values = operands.map((operand) => {
    const value = valueFor(operand);
    if (!isLarge(value)) return value;
    const viewed = [...Array<number>(longer.length - value.shape.length).fill(1), ...value.shape];
    return new Value(g.reshapeName(g.plain(value), viewed), viewed, value.dtype);
  });
  const made = kernel.lower(g, values, { attrs, outputs: [{ shape: longer, dtype }] }) as Value;
  return g.reshape(made, shape);
}

function isLarge({ shape }: { readonly shape: readonly number[] }): boolean {
  return sizeOf(shape) >= largeSize;
}

/** Where each tensor is read last; targets are needed to the end. */
function lastUses(operations: readonly Operation[], targets: readonly DataRecord[]): Map<DataRecord, number> {
  const last = new Map<DataRecord, number>();
  for (const [index, { operands }] of operations.entries())
    for (const { data } of operands) last.set(data, index);
  for (const target of targets) last.set(target, operations.length);
  return last;
}

/** The operation during which large tensors take the most memory together. */
function peakOf(operations: readonly Operation[], lastUse: ReadonlyMap<DataRecord, number>): number {
  const freed = operations.map(() => 0);
  let held = 0;
  let most = 0;
  let peak = 0;
  for (const [index, { outputs }] of operations.entries()) {
    for (const record of outputs.filter(isLarge)) {
      held += sizeOf(record.shape);
      const last = lastUse.get(record) ?? index;
      if (last < operations.length) freed[last] = (freed[last] as number) + sizeOf(record.shape);
    }
    if (held > most) [most, peak] = [held, index];
    held -= freed[index] as number;
  }
  return peak;
}
