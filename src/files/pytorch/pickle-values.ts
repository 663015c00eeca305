/**
 * What a pickle may stand for here. Nothing of it is ever called: a class or function of Python is its name, what would
 * be made by it is a `PickleObject` that only remembers what it was given.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | PickleTuple
  | PickleDict
  | PickleSet
  | PickleGlobal
  | PickleObject
  | object; // what a caller's builders return

export class PickleTuple {
  constructor(readonly items: readonly PickleValue[]) {}
}

/** A dict or an OrderedDict. */
export class PickleDict {
  readonly entries = new Map<PickleValue, PickleValue>();
}

export class PickleSet {
  readonly items: PickleValue[] = [];
}

/** A class or function, by its name, e.g. `collections.OrderedDict`. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/** An object of a class that is not known here: inert. */
export class PickleObject {
  /** Its attributes, by `__setstate__` or otherwise. */
  state: PickleValue | undefined;
  /** Its entries, where the class is a kind of dict. */
  readonly entries = new Map<PickleValue, PickleValue>();
  /** Its items, where the class is a kind of list or set. */
  readonly items: PickleValue[] = [];

  /** @param name the class or function that Python would call @param args what with */
  constructor(
    readonly name: string,
    readonly args: readonly PickleValue[],
  ) {}
}
