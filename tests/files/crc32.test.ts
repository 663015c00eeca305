import { expect, it } from "vitest";
import { crc32 } from "../../src/files/index.js";

it("is the checksum of zip and PNG", () => {
  // The check value of the standard, and the CRC of every PNG's empty last chunk ("IEND").
  expect(crc32(Buffer.from("123456789"))).toBe(0xcbf43926);
  expect(crc32(Buffer.from("IEND"))).toBe(0xae426082);
  expect(crc32(new Uint8Array())).toBe(0);
});
