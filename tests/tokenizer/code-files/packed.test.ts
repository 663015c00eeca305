import { copyFile, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { VqkitError } from "../../../src/core/errors.js";
import { openCodes } from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { faultOf, written } from "./samples.js";

describe("a packed file by itself", () => {
  it("shows any flipped bit and names where it is", async () => {
    const path = join(await written("packed"), "codes.vqc");
    const bytes = await readFile(path);
    const copy = join(await temporaryFolder(), "copy.vqc");
    const places = { header: 0, entry: 0, index: 0 };
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (bytes[at] as number) ^ (1 << ((at * 5) % 8)); // each bit of a byte in its turn
      await writeFile(copy, damaged);
      const fault = await faultOf(copy);
      expect(fault, `byte ${at}`).toBeInstanceOf(VqkitError);
      const { code, message } = fault as VqkitError;
      expect(code, message).toBe("format");
      const place = /copy\.vqc: (?:(header:|entry \d+ of 3:)|(?:header, index or )?end of file)/.exec(
        message,
      );
      expect(place, message).not.toBeNull();
      places[place?.[1]?.startsWith("entry") ? "entry" : place?.[1] === undefined ? "index" : "header"]++;
    }
    // Header: 20 bytes and its JSON. Blocks: 16 bytes, 20 more for the tile, the name, 4 bits an index.
    const header = 20 + bytes.readUInt32LE(12);
    const blocks = 16 + 7 + 3 + (36 + 7 + 3) + (16 + 9 + 1);
    expect(places).toEqual({ header, entry: blocks, index: 3 * 24 + 56 });
    expect(bytes.length).toBe(header + blocks + 3 * 24 + 56);
  });

  it("names the entry of a damaged block, and gives the others", async () => {
    const path = join(await written("packed"), "codes.vqc");
    const bytes = await readFile(path);
    const at = bytes.indexOf("two.jpg") + 8; // the first bytes of its indices
    bytes[at] = (bytes[at] as number) ^ 0x10;
    await writeFile(path, bytes);
    const reader = await openCodes(path);
    expect((await reader.readEntry(0)).images[0]?.name).toBe("one.jpg");
    expect((await reader.readEntry(2)).images[0]?.name).toBe("three.jpg");
    await expect(reader.readEntry(1)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(
        /codes\.vqc: entry 1 of 3: expected checksum [0-9a-f]{8}, got [0-9a-f]{8}\. The file is damaged there\./,
      ),
    });
  });

  it("shows any byte that is missing at the end", async () => {
    const path = join(await written("packed"), "codes.vqc");
    const { length } = await readFile(path);
    const copy = join(await temporaryFolder(), "copy.vqc");
    for (let size = length - 1; size >= 0; size--) {
      if (size === length - 1) await copyFile(path, copy);
      await truncate(copy, size);
      expect(await faultOf(copy), `${size} bytes`).toMatchObject({ code: "format" });
    }
  });
});
