/** Many names in one piece of memory: a string by itself takes several times its characters. */
export class PackedNames {
  readonly #bytes: Buffer;
  /** Where each name ends. */
  readonly #ends: Float64Array;

  constructor(names: readonly string[]) {
    this.#bytes = Buffer.from(names.join(""));
    this.#ends = new Float64Array(names.length);
    let end = 0;
    for (const [i, name] of names.entries()) {
      end += Buffer.byteLength(name);
      this.#ends[i] = end;
    }
  }

  get length(): number {
    return this.#ends.length;
  }

  at(index: number): string {
    return this.#bytes.toString("utf8", index === 0 ? 0 : this.#ends[index - 1], this.#ends[index]);
  }
}
