import { engine, type NamedTensorMap, type Tensor, tidy, type Variable } from "../tf/index.js";
import { BackendError } from "./errors.js";
import type { OnnxBackend } from "./onnx-backend.js";
import { DataRecord, type Recording } from "./recording.js";

/** What is needed to make a recorded call again without recording it. */
export interface Plan {
  /** Of the compiled graph. */
  readonly key: string;
  /** What the graph is fed, in the order of its leaves. */
  readonly leaves: readonly Source[];
  /** What becomes of the graph's results, in the order of its targets. */
  readonly results: readonly Result[];
}

/** Where a leaf of the graph has its values from. */
type Source =
  | { readonly input: string }
  | { readonly variable: Variable }
  | { readonly constant: DataRecord };

/** The outputs and variables that have one result as their value; reshaping shares data. */
interface Result {
  readonly outputs: { readonly name: string; readonly shape: number[] }[];
  readonly variables: Variable[];
}

/** A call that was recorded. */
export interface RecordedCall<O extends NamedTensorMap> {
  readonly outputs: O;
  /** How to repeat the call; undefined when more happened in it than recording, or that cannot be told. */
  readonly plan: Plan | undefined;
  /** Whether nothing but recording happened: no value was read, no variable made. */
  readonly isPure: boolean;
}

/** Calls a function in a tidy scope and computes what it recorded. */
export async function recordCall<I extends NamedTensorMap, O extends NamedTensorMap>(
  backend: OnnxBackend,
  body: (inputs: I) => O,
  inputs: I,
): Promise<RecordedCall<O>> {
  for (const tensor of Object.values(inputs)) await backend.read(tensor.dataId);
  // One whose first value is still to be computed would stand in the call by what it is computed from.
  const before = variablesNow();
  for (const record of before.values()) if (record.tensor === undefined) await backend.read(record);
  const reads = backend.synchronousReads;
  const outputs = tidy(() => body(inputs));
  const after = variablesNow();
  const results = resultsOf(
    backend,
    outputs,
    [...after].filter(([v, data]) => before.get(v) !== data),
  );
  const fed = [...before.values(), ...Object.values(inputs).map(({ dataId }) => backend.recordOf(dataId))];
  const isPure = backend.synchronousReads === reads && sameKeys(before, after);
  const recording = await backend.compute([...results.keys()], new Set(fed));
  const isWhole = recording?.targets.length === results.size;
  const leaves = isPure && isWhole ? sourcesOf(recording, { backend, inputs, variables: before }) : undefined;
  const plan = leaves && recording && { key: recording.key, leaves, results: [...results.values()] };
  return { outputs, plan, isPure };
}

/**
 * Makes a call again.
 *
 * @returns undefined when it has to be recorded: its graph is not kept any more, or a constant in it does not hold
 */
export async function repeatCall(
  backend: OnnxBackend,
  plan: Plan,
  inputs: NamedTensorMap,
): Promise<NamedTensorMap | undefined> {
  const leaves = plan.leaves.map((source) => recordAt(backend, source, inputs));
  for (const leaf of leaves) if (leaf.tensor === undefined) await backend.read(leaf);
  const infos = await backend.repeat(plan.key, leaves);
  if (infos === undefined) return undefined;
  const made: Record<string, Tensor> = {};
  infos.forEach((info, i) => {
    const { outputs, variables } = plan.results[i] as Result;
    const tensor = engine().makeTensorFromTensorInfo(info);
    for (const variable of variables) variable.assign(tensor);
    for (const { name, shape } of outputs) {
      made[name] = engine().makeTensorFromTensorInfo(backend.alias(tensor, shape));
    }
    tensor.dispose();
  });
  return made;
}

/** Whether two recordings of a function are of the same operations on the same values. */
export function agree(a: Plan, b: Plan): boolean {
  return a.key === b.key && a.leaves.every((source, i) => sameSource(source, b.leaves[i] as Source));
}

function sameSource(a: Source, b: Source): boolean {
  if ("constant" in a) return "constant" in b && a.constant.hasValuesOf(b.constant);
  if ("variable" in a) return "variable" in b && a.variable === b.variable;
  return "input" in b && a.input === b.input;
}

/** The data of every variable that the backend holds. */
function variablesNow(): Map<Variable, DataRecord> {
  const data = new Map<Variable, DataRecord>();
  for (const variable of Object.values(engine().registeredVariables)) {
    if (variable.dataId instanceof DataRecord) data.set(variable, variable.dataId);
  }
  return data;
}

function resultsOf(
  backend: OnnxBackend,
  outputs: NamedTensorMap,
  assigned: readonly (readonly [Variable, DataRecord])[],
): Map<DataRecord, Result> {
  const results = new Map<DataRecord, Result>();
  const resultAt = (record: DataRecord): Result => {
    const known = results.get(record) ?? { outputs: [], variables: [] };
    results.set(record, known);
    return known;
  };
  for (const [name, { dataId, shape }] of Object.entries(outputs)) {
    resultAt(backend.recordOf(dataId)).outputs.push({ name, shape });
  }
  for (const [variable, record] of assigned) resultAt(record).variables.push(variable);
  return results;
}

/** Where each leaf's values come from; undefined when that cannot be told, because two variables share them. */
function sourcesOf(
  { leaves }: Recording,
  from: {
    readonly backend: OnnxBackend;
    readonly inputs: NamedTensorMap;
    readonly variables: ReadonlyMap<Variable, DataRecord>;
  },
): Source[] | undefined {
  const sources = new Map<DataRecord, Source>();
  let isClear = true;
  const add = (record: DataRecord, source: Source) => {
    if (sources.has(record) && leaves.includes(record)) isClear = false;
    sources.set(record, source);
  };
  for (const [variable, record] of from.variables) add(record, { variable });
  for (const [input, { dataId }] of Object.entries(from.inputs))
    add(from.backend.recordOf(dataId), { input });
  return isClear ? leaves.map((leaf) => sources.get(leaf) ?? { constant: leaf }) : undefined;
}

function recordAt(backend: OnnxBackend, source: Source, inputs: NamedTensorMap): DataRecord {
  if ("constant" in source) return source.constant;
  const tensor = "variable" in source ? source.variable : (inputs[source.input] as Tensor);
  if (tensor.isDisposed) {
    const name = "variable" in source ? `variable ${source.variable.name}` : `input ${source.input}`;
    throw new BackendError("disposed", `A recorded function reads the ${name}, which has been disposed.`);
  }
  return backend.recordOf(tensor.dataId);
}

function sameKeys<K>(a: ReadonlyMap<K, unknown>, b: ReadonlyMap<K, unknown>): boolean {
  return a.size === b.size && [...a.keys()].every((key) => b.has(key));
}
