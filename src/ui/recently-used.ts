/** Keeps the values used last, so that memory is bounded by their number and not by what has ever been asked for. */
export class RecentlyUsed<T> {
  readonly #limit: number;
  readonly #values = new Map<string, T>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The value of a key, made where it is not known any more. */
  get(key: string, make: () => T): T {
    const value = this.#values.has(key) ? (this.#values.get(key) as T) : make();
    this.set(key, value);
    return value;
  }

  /** The value of a key, if it is known, which does not count as use. */
  peek(key: string): T | undefined {
    return this.#values.get(key);
  }

  /** Forgets a value, unless another has taken its place. */
  delete(key: string, value: T): void {
    if (this.#values.get(key) === value) this.#values.delete(key);
  }

  set(key: string, value: T): void {
    this.#values.delete(key); // a Map keeps the order of insertion: the oldest stands first
    this.#values.set(key, value);
    if (this.#values.size > this.#limit) {
      const [oldest] = this.#values.keys();
      if (oldest !== undefined) this.#values.delete(oldest);
    }
  }
}
