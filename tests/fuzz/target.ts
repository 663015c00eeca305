import type fc from "fast-check";

export interface Target {
  readonly name: string;
  readonly cases: fc.Arbitrary<Uint8Array>;
  /** Reads one case, written wherever the parser expects it, and checks a value that it takes for right. */
  readonly read: (bytes: Uint8Array) => Promise<void>;
}

/** A value that a parser has returned and that cannot be right. */
export class WrongValue extends Error {}

/** @throws WrongValue saying what is odd */
export function check(holds: boolean, what: string): void {
  if (!holds) throw new WrongValue(what);
}
