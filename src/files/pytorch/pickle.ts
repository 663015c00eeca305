/**
 * Pickles (protocols 0 to 5, https://docs.python.org/3/library/pickletools.html) read without what they are made for:
 * nothing that they name is imported or called. Builders of the caller make the few things it knows; everything else
 * becomes an inert `PickleObject`.
 */
import { asNumber, latin1, PickleBytes } from "./pickle-bytes.js";
import {
  PickleDict,
  PickleGlobal,
  PickleObject,
  PickleSet,
  PickleTuple,
  type PickleValue,
} from "./pickle-values.js";

/** What a caller knows how to make. */
export interface PickleBuilders {
  /** Makes what Python would by calling `name`; undefined for what is not known. */
  call(name: string, args: readonly PickleValue[]): PickleValue | undefined;
  /** What a persistent id stands for; undefined for what is not known. */
  persistent(id: PickleValue): PickleValue | undefined;
}

export interface UnpickleOptions extends PickleBuilders {
  /** Names the bytes in messages. */
  readonly where: string;
  /** Where the pickle begins. Default 0. */
  readonly start?: number;
}

/** Values that one pickle may make. Checkpoints of a thousand tensors make some ten thousand. */
const MAX_VALUES = 2 ** 21;

/**
 * Reads one pickle.
 *
 * @returns its value, and where the next byte after it stands
 * @throws VqkitError("format") for bytes that are no pickle, are cut short, or make more than 2^21 values
 */
export function unpickle(bytes: Uint8Array, options: UnpickleOptions): { value: PickleValue; end: number } {
  const source = new PickleBytes(bytes, { start: options.start ?? 0, where: options.where });
  const machine = new Machine(source, options);
  for (;;) {
    const code = source.byte();
    if (code === STOP) return { value: machine.pop(), end: source.position };
    const step = STEPS.get(code);
    if (step === undefined) return source.fail(`an unknown opcode 0x${code.toString(16).padStart(2, "0")}`);
    step(machine, source);
  }
}

/** The stack and the memo, which may hold no more than the pickle has steps for. */
class Machine {
  readonly #source: PickleBytes;
  readonly #builders: PickleBuilders;
  readonly #memo = new Map<number, PickleValue>();
  readonly #outer: PickleValue[][] = [];
  #stack: PickleValue[] = [];
  #made = 0;

  constructor(source: PickleBytes, builders: PickleBuilders) {
    this.#source = source;
    this.#builders = builders;
  }

  push(value: PickleValue): void {
    if (++this.#made > MAX_VALUES) this.#source.fail(`more than ${MAX_VALUES} values`);
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined) this.#source.fail("nothing on the stack");
    return value;
  }

  top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined) this.#source.fail("nothing on the stack");
    return value;
  }

  mark(): void {
    if (++this.#made > MAX_VALUES) this.#source.fail(`more than ${MAX_VALUES} values`);
    this.#outer.push(this.#stack);
    this.#stack = [];
  }

  /** What was pushed since the last mark. */
  popMark(): PickleValue[] {
    const items = this.#stack;
    const outer = this.#outer.pop();
    if (outer === undefined) this.#source.fail("no mark");
    this.#stack = outer;
    return items;
  }

  /** Of an empty frame, its mark: as Python's POP does. */
  discard(): void {
    if (this.#stack.length > 0) this.#stack.pop();
    else this.popMark();
  }

  put(key: number, value = this.top()): void {
    this.#memo.set(key, value);
  }

  memoize(): void {
    this.put(this.#memo.size);
  }

  get(key: number): void {
    const value = this.#memo.get(key);
    if (value === undefined) this.#source.fail(`nothing memorised under ${key}`);
    this.push(value);
  }

  call(callee: PickleValue, args: readonly PickleValue[]): void {
    const isNamed = callee instanceof PickleGlobal || callee instanceof PickleObject;
    const name = isNamed ? callee.name : "what is no function";
    const made = callee instanceof PickleGlobal ? this.#builders.call(name, args) : undefined;
    this.push(made ?? new PickleObject(name, args));
  }

  persistent(id: PickleValue): void {
    this.push(this.#builders.persistent(id) ?? new PickleObject("a persistent id", [id]));
  }

  argumentsOf(value: PickleValue): readonly PickleValue[] {
    if (!(value instanceof PickleTuple)) this.#source.fail("arguments that are no tuple");
    return value.items;
  }

  setItems(pairs: readonly PickleValue[]): void {
    const target = this.top();
    if (pairs.length % 2 !== 0) this.#source.fail("a key without a value");
    if (!(target instanceof PickleDict || target instanceof PickleObject)) {
      this.#source.fail("entries of what is no dict");
    }
    for (let i = 0; i < pairs.length; i += 2) {
      target.entries.set(pairs[i] as PickleValue, pairs[i + 1] as PickleValue);
    }
  }

  append(values: readonly PickleValue[]): void {
    const target = this.top();
    const items = target instanceof PickleObject || target instanceof PickleSet ? target.items : target;
    if (!Array.isArray(items)) this.#source.fail("items of what is no list");
    for (const value of values) items.push(value);
  }
}

type Step = (machine: Machine, source: PickleBytes) => void;

const STOP = ".".charCodeAt(0);

function pushing(read: (source: PickleBytes) => PickleValue): Step {
  return (machine, source) => machine.push(read(source));
}

function tupleOf(count: number): Step {
  return (machine) => {
    const items = Array.from({ length: count }, () => machine.pop());
    machine.push(new PickleTuple(items.reverse()));
  };
}

function dictOf(machine: Machine, pairs: readonly PickleValue[]): void {
  machine.push(new PickleDict());
  machine.setItems(pairs);
}

function build(machine: Machine): void {
  const state = machine.pop();
  const target = machine.top();
  // The attributes of a dict (a state_dict's _metadata) and of what builders made say nothing of values.
  if (target instanceof PickleObject) target.state = state;
}

/** INST and OBJ: a class with arguments since the mark. */
function instance(machine: Machine, named?: PickleGlobal): void {
  const [first, ...rest] = machine.popMark();
  if (named !== undefined) machine.call(named, first === undefined ? [] : [first, ...rest]);
  else machine.call(first ?? null, rest);
}

function textInteger(source: PickleBytes): PickleValue {
  const text = source.line().replace(/L$/, "");
  if (text === "00" || text === "01") return text === "01";
  if (!/^[+-]?\d{1,400}$/.test(text)) source.fail("a number that is none");
  return asNumber(BigInt(text.replace(/^\+/, "")));
}

function textFloat(source: PickleBytes): number {
  const text = source.line();
  const value = Number({ inf: "Infinity", "-inf": "-Infinity", nan: "NaN" }[text] ?? text);
  if (text === "" || (Number.isNaN(value) && text !== "nan")) source.fail("a number that is none");
  return value;
}

/** `'text'` with Python's escapes left as they are: no name of a tensor has any. */
function quotedText(source: PickleBytes): string {
  return source.line().replace(/^(["'])(.*)\1$/, "$2");
}

function textKey(source: PickleBytes): number {
  const text = source.line();
  if (!/^\d{1,15}$/.test(text)) source.fail("a key that is no number");
  return Number(text);
}

function namedGlobal(module: PickleValue, name: PickleValue, source: PickleBytes): PickleGlobal {
  if (typeof module !== "string" || typeof name !== "string") source.fail("a name that is no text");
  return new PickleGlobal(`${module}.${name}`);
}

/** What each opcode does, by its character. */
const OPCODES: Readonly<Record<string, Step>> = {
  // frames and marks
  "\x80": (_, source) => void source.byte(), // PROTO
  "\x95": (_, source) => void source.take(8), // FRAME
  "(": (machine) => machine.mark(),
  "0": (machine) => machine.discard(),
  "1": (machine) => void machine.popMark(),
  "2": (machine) => machine.push(machine.top()),
  // plain values
  N: pushing(() => null),
  "\x88": pushing(() => true),
  "\x89": pushing(() => false),
  I: pushing(textInteger),
  L: pushing(textInteger),
  J: pushing((source) => source.int32()),
  K: pushing((source) => source.byte()),
  M: pushing((source) => source.uint16()),
  "\x8a": pushing((source) => source.integer(source.byte())),
  "\x8b": (machine, source) => {
    const length = source.int32();
    // Converting takes time with the square of the length, and no tensor has such a number.
    if (length < 0 || length > 1024) source.fail(`an integer of ${length} bytes`);
    machine.push(source.integer(length));
  },
  F: pushing(textFloat),
  G: pushing((source) => source.float64()),
  S: pushing(quotedText),
  T: pushing((source) => latin1(source.take(source.uint32()))),
  U: pushing((source) => latin1(source.take(source.byte()))),
  V: pushing((source) => source.line()),
  X: pushing((source) => source.text(source.uint32())),
  "\x8c": pushing((source) => source.text(source.byte())),
  "\x8d": pushing((source) => source.text(source.length64())),
  B: pushing((source) => source.take(source.uint32())),
  C: pushing((source) => source.take(source.byte())),
  "\x8e": pushing((source) => source.take(source.length64())),
  "\x96": pushing((source) => source.take(source.length64())),
  // containers
  "]": pushing(() => []),
  a: (machine) => {
    const value = machine.pop();
    machine.append([value]);
  },
  e: (machine) => machine.append(machine.popMark()),
  l: (machine) => machine.push(machine.popMark()),
  ")": pushing(() => new PickleTuple([])),
  t: (machine) => machine.push(new PickleTuple(machine.popMark())),
  "\x85": tupleOf(1),
  "\x86": tupleOf(2),
  "\x87": tupleOf(3),
  "}": pushing(() => new PickleDict()),
  d: (machine) => dictOf(machine, machine.popMark()),
  s: (machine) => {
    const value = machine.pop();
    const key = machine.pop();
    machine.setItems([key, value]);
  },
  u: (machine) => machine.setItems(machine.popMark()),
  "\x8f": pushing(() => new PickleSet()),
  "\x90": (machine) => machine.append(machine.popMark()),
  "\x91": (machine) => {
    const items = machine.popMark();
    machine.push(new PickleSet());
    machine.append(items);
  },
  // the memo
  p: (machine, source) => machine.put(textKey(source)),
  q: (machine, source) => machine.put(source.byte()),
  r: (machine, source) => machine.put(source.uint32()),
  "\x94": (machine) => machine.memoize(),
  g: (machine, source) => machine.get(textKey(source)),
  h: (machine, source) => machine.get(source.byte()),
  j: (machine, source) => machine.get(source.uint32()),
  // names and objects
  c: (machine, source) => machine.push(namedGlobal(source.line(), source.line(), source)),
  "\x93": (machine, source) => {
    const name = machine.pop();
    machine.push(namedGlobal(machine.pop(), name, source));
  },
  "\x82": (machine, source) => machine.push(new PickleGlobal(`copyreg.extension_${source.byte()}`)),
  "\x83": (machine, source) => machine.push(new PickleGlobal(`copyreg.extension_${source.uint16()}`)),
  "\x84": (machine, source) => machine.push(new PickleGlobal(`copyreg.extension_${source.int32()}`)),
  R: (machine) => {
    const args = machine.argumentsOf(machine.pop());
    machine.call(machine.pop(), args);
  },
  "\x81": (machine) => {
    const args = machine.argumentsOf(machine.pop());
    machine.call(machine.pop(), args);
  },
  "\x92": (machine) => {
    machine.pop(); // arguments by name
    const args = machine.argumentsOf(machine.pop());
    machine.call(machine.pop(), args);
  },
  i: (machine, source) => instance(machine, namedGlobal(source.line(), source.line(), source)),
  o: (machine) => instance(machine),
  b: build,
  P: (machine, source) => machine.persistent(source.line()),
  Q: (machine) => machine.persistent(machine.pop()),
};

const STEPS: ReadonlyMap<number, Step> = new Map(
  Object.entries(OPCODES).map(([character, step]) => [character.charCodeAt(0), step]),
);
