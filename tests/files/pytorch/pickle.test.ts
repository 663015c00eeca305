import { describe, expect, it } from "vitest";
import { VqkitError } from "../../../src/core/errors.js";
import { unpickle } from "../../../src/files/pytorch/pickle.js";
import {
  type PickleDict,
  PickleObject,
  type PickleSet,
  PickleTuple,
  type PickleValue,
} from "../../../src/files/pytorch/pickle-values.js";

/** Bytes by hand: text, and numbers for single bytes. */
function bytes(...parts: readonly (string | number)[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.of(part))),
  );
}

function read(data: Uint8Array): PickleValue {
  const nothing = { call: () => undefined, persistent: () => undefined };
  return unpickle(data, { ...nothing, where: "test" }).value;
}

describe("unpickle", () => {
  // Opcodes as pickletools.py describes them.
  it.each<[string, Uint8Array, unknown]>([
    ["None", bytes("N."), null],
    ["protocol 0 integers", bytes("I-7\n."), -7],
    ["protocol 0 booleans", bytes("I01\n."), true],
    ["a long in text", bytes("L123456789012345678901L\n."), 123456789012345678901n],
    ["a long of one byte", bytes("\x8a", 1, 0xff, "."), -1],
    ["a long of no bytes", bytes("\x8a", 0, "."), 0],
    ["BININT", bytes("J", 0xfe, 0xff, 0xff, 0xff, "."), -2],
    ["a float in text", bytes("F1.5\n."), 1.5],
    ["a big-endian float", bytes("G", 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, "."), 1.5],
    ["text", bytes("X", 3, 0, 0, 0, "a", 0xc3, 0xa9, "."), "aé"],
    ["a string in quotes", bytes("S'ab'\n."), "ab"],
    ["a list by marks", bytes("(K", 1, "K", 2, "l."), [1, 2]],
    ["a list appended to", bytes("]K", 1, "a(K", 2, "K", 3, "e."), [1, 2, 3]],
    ["the memo", bytes("]q", 5, "h", 5, "a0h", 5, "."), "itself"],
  ])("reads %s", (_, data, expected) => {
    const value = read(data);
    if (expected === "itself") expect((value as PickleValue[])[0]).toBe(value);
    else expect(value).toEqual(expected);
  });

  it("reads tuples, dicts and sets", () => {
    expect(read(bytes("K", 1, "K", 2, "K", 3, "\x87."))).toEqual(new PickleTuple([1, 2, 3]));
    expect(read(bytes("(K", 1, "K", 2, "t."))).toEqual(new PickleTuple([1, 2]));
    const dict = read(bytes("}X", 1, 0, 0, 0, "aK", 1, "s(X", 1, 0, 0, 0, "bK", 2, "u.")) as PickleDict;
    expect([...dict.entries]).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
    expect((read(bytes("\x80", 4, "\x8f(K", 1, "K", 2, "\x90.")) as PickleSet).items).toEqual([1, 2]);
  });

  it("makes an inert object of every class and function", () => {
    const call = read(bytes("cposix\nsystem\n(S'rm -rf /'\ntR.")) as PickleObject;
    expect(call).toBeInstanceOf(PickleObject);
    expect([call.name, call.args]).toEqual(["posix.system", ["rm -rf /"]]);
    const instance = read(bytes("(S'x'\nios\nsystem\n.")) as PickleObject;
    expect([instance.name, instance.args]).toEqual(["os.system", ["x"]]);
    const built = read(bytes("\x80", 2, "c__main__\nA\n)\x81}X", 1, 0, 0, 0, "aK", 1, "sb.")) as PickleObject;
    expect([...(built.state as PickleDict).entries]).toEqual([["a", 1]]);
    // What a call would give is called again: still nothing happens.
    const twice = read(bytes("cbuiltins\ngetattr\n(S'a'\nS'b'\ntR(S'x'\ntR.")) as PickleObject;
    expect(twice.name).toBe("builtins.getattr");
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["nothing", bytes(""), /end reached/],
    ["no end", bytes("]"), /end reached/],
    ["text of 4 GB", bytes("X", 0xff, 0xff, 0xff, 0xff, "."), /4294967295 bytes wanted/],
    ["text of 2^64 bytes", bytes("\x8d", ...Array<number>(8).fill(0xff), "."), /bytes wanted/],
    ["an integer of 1 GB", bytes("\x8b", 0, 0, 0, 0x40, "."), /an integer of 1073741824 bytes/],
    ["an empty stack", bytes("."), /nothing on the stack/],
    ["no mark", bytes("t."), /no mark/],
    ["a memo that was not written", bytes("h", 9, "."), /memorised under 9/],
    ["entries of a number", bytes("K", 1, "K", 2, "K", 3, "s."), /no dict/],
    ["items of a number", bytes("K", 1, "K", 2, "a."), /no list/],
    ["arguments that are no tuple", bytes("cos\nsystem\nK", 1, "R."), /no tuple/],
    ["a line without an end", bytes("I1"), /line without an end/],
    ["an unknown opcode", bytes(0xff), /opcode 0xff/],
    ["out-of-band buffers", bytes("\x80", 5, "\x97."), /opcode 0x97/],
    ["ten million values", Buffer.alloc(10_000_000, "]"), /more than 2097152 values/],
  ])("refuses %s", (_, data, message) => {
    expect(() => read(data)).toThrow(message);
    expect(() => read(data)).toThrow(VqkitError);
  });
});
