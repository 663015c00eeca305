import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { crc32c, maskedCrc32c } from "../../src/files/crc32c.js";
import { encodeTfRecord, wholeTfRecords } from "../../src/files/tf-records.js";
import { temporaryFolder } from "../runs/temporary-folder.js";
import { records } from "../training/event-reader.js";

describe("crc32c", () => {
  // The check value of the catalogue of CRCs, and RFC 3720, appendix B.4.
  it.each<[string, Uint8Array, number]>([
    ["123456789", Buffer.from("123456789"), 0xe3069283],
    ["32 zeros", new Uint8Array(32), 0x8a9136aa],
    ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ["0, 1, … 31", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ["31, 30, … 0", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ])("of %s", (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  it("is masked: turned right by 15 bits, plus 0xa282ead8", () => {
    // e3069283 turned right by 15 is 2507c60d; + a282ead8 = c78ab0e5.
    expect(maskedCrc32c(Buffer.from("123456789"))).toBe(0xc78ab0e5);
  });
});

describe("TFRecords", () => {
  const contents = [Buffer.from("first"), Buffer.alloc(0), Buffer.alloc(300, 7)];

  it("are those of their description", () => {
    const file = Buffer.concat(contents.map(encodeTfRecord));
    expect(records(file)).toEqual(contents);
    expect(file.length).toBe(5 + 0 + 300 + 3 * 16);
  });

  it("are read up to the first that is not whole or not right", async () => {
    const path = join(await temporaryFolder(), "records");
    const file = Buffer.concat(contents.map(encodeTfRecord));
    const read = async (bytes: Uint8Array) => {
      await writeFile(path, bytes);
      const found: [string, number, number][] = [];
      for await (const { data, start, end } of wholeTfRecords(path)) {
        found.push([Buffer.from(data).toString(), start, end]);
      }
      return found;
    };
    const [first, empty, long] = [
      ["first", 0, 21],
      ["", 21, 37],
      ["\x07".repeat(300), 37, 353],
    ];
    expect(await read(file)).toEqual([first, empty, long]);
    for (const length of [352, 340, 50, 38]) {
      expect(await read(file.subarray(0, length)), String(length)).toEqual([first, empty]);
    }
    expect(await read(file.subarray(0, 20))).toEqual([]);
    for (const at of [38, 46, 60, 352]) {
      const wrong = Buffer.from(file);
      wrong[at] = (wrong[at] as number) ^ 1;
      expect(await read(wrong), `byte ${at}`).toEqual([first, empty]);
    }
    expect(await readFile(path)).toHaveLength(353);
  });
});
