/**
 * Writes WebAssembly modules (https://webassembly.github.io/spec/core/binary/) of one function: a loop over float32
 * arrays in a memory that it is given, four elements at a time.
 */

/** What may be computed of each element; every one is rounded as IEEE 754 says, so results are those of any engine. */
export type ElementOperator = "add" | "sub" | "mul" | "div" | "sqrt" | "neg";

/** Something that a node reads: an array, a scalar or an earlier node, by its number. */
export type Reference = { readonly array: number } | { readonly scalar: number } | { readonly node: number };

/** One number of each element, made of one or two others. */
export interface ElementNode {
  readonly operator: ElementOperator;
  readonly operands: readonly Reference[];
}

/** What a loop computes: of element i of all arrays, and of scalars, element i of each result. */
export interface ElementProgram {
  readonly arrays: number;
  readonly scalars: number;
  /** In order: a node reads earlier ones. */
  readonly nodes: readonly ElementNode[];
  /** The nodes that are stored, one a result. */
  readonly results: readonly number[];
}

/** Where in the memory the loop finds what it reads and puts what it makes, in bytes. */
export interface LoopLayout {
  /** Scalars stand one after another from 0 on. */
  readonly arrayAt: (array: number) => number;
  readonly resultAt: (result: number) => number;
}

const opcodes: Readonly<Record<ElementOperator, number>> = {
  neg: 0xe1,
  sqrt: 0xe3,
  add: 0xe4,
  sub: 0xe5,
  mul: 0xe6,
  div: 0xe7,
};

const i32 = 0x7f;
const v128 = 0x7b;
const [i32Const, i32Add, i32LessUnsigned] = [0x41, 0x6a, 0x49];
const [localGet, localSet, localTee] = [0x20, 0x21, 0x22];
const [loop, end, branchIf, noResult] = [0x03, 0x0b, 0x0d, 0x40];
const [load, loadSplat, store] = [0x00, 0x09, 0x0b];
/** Log₂ of the bytes that addresses are multiples of. */
const aligned = 2;

/** An unsigned number as LEB128. */
function unsigned(value: number): number[] {
  const low = value & 0x7f;
  return value < 0x80 ? [low] : [low | 0x80, ...unsigned(value >>> 7)];
}

const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
const vector = (items: readonly (readonly number[])[]): number[] => [
  ...unsigned(items.length),
  ...items.flat(),
];
const section = (id: number, content: readonly number[]): number[] => [
  id,
  ...unsigned(content.length),
  ...content,
];
const name = (text: string): number[] => [...unsigned(text.length), ...Buffer.from(text)];

/**
 * The bytes of a module that imports `env.memory` and exports `run(bytes)`: it computes elements 0 to bytes/4 − 1, and up
 * to three more.
 */
export function simdModule(program: ElementProgram, layout: LoopLayout): Uint8Array<ArrayBuffer> {
  const locals = program.arrays + program.scalars + program.nodes.length;
  const declared = vector([
    [1, i32],
    [...unsigned(locals), v128],
  ]);
  const body = [...declared, ...code(program, layout)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector([[0x60, ...vector([[i32]]), ...vector([])]])),
    ...section(2, vector([[...name("env"), ...name("memory"), 2, 0, 1]])),
    ...section(3, vector([[0]])),
    ...section(7, vector([[...name("run"), 0, 0]])),
    ...section(10, vector([[...unsigned(body.length), ...body]])),
  ]);
}

function code({ arrays, scalars, nodes, results }: ElementProgram, layout: LoopLayout): number[] {
  const [limit, at] = [0, 1];
  const local = (reference: Reference): number => {
    if ("array" in reference) return 2 + reference.array;
    if ("scalar" in reference) return 2 + arrays + reference.scalar;
    return 2 + arrays + scalars + reference.node;
  };
  const get = (index: number): number[] => [localGet, ...unsigned(index)];
  const set = (reference: Reference): number[] => [localSet, ...unsigned(local(reference))];
  const count = (length: number): number[] => Array.from({ length }, (_, i) => i);

  const before = count(scalars).flatMap((scalar) => [
    ...[i32Const, 0, ...simd(loadSplat), aligned, ...unsigned(4 * scalar)],
    ...set({ scalar }),
  ]);
  const read = count(arrays).flatMap((array) => [
    ...[...get(at), ...simd(load), aligned, ...unsigned(layout.arrayAt(array))],
    ...set({ array }),
  ]);
  const computed = nodes.flatMap(({ operator, operands }, node) => [
    ...operands.flatMap((operand) => get(local(operand))),
    ...simd(opcodes[operator]),
    ...set({ node }),
  ]);
  const written = results.flatMap((node, result) => [
    ...[...get(at), ...get(local({ node }))],
    ...[...simd(store), aligned, ...unsigned(layout.resultAt(result))],
  ]);
  const again = [
    ...[...get(at), i32Const, 16, i32Add, localTee, at],
    ...[...get(limit), i32LessUnsigned, branchIf, 0],
  ];
  return [...before, loop, noResult, ...read, ...computed, ...written, ...again, end, end];
}
