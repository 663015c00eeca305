import { copyFile, cp, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import tar from "tar-stream";
import { describe, expect, it } from "vitest";
import { VqkitError } from "../../../src/core/errors.js";
import { Random } from "../../../src/core/random.js";
import {
  type CodeFormat,
  type Codes,
  codeFormats,
  openCodes,
  readCodes,
  writeCodes,
} from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { fingerprint } from "./arbitrary.js";

/** Three images of two grids; 13 codes leave 3 values of 4 bits that no index may have. */
const batches: Codes[] = [
  {
    indices: Uint16Array.of(12, 0, 3, 7, 5, 11, 1, 2, 6, 12, 9, 4),
    shape: [2, 2, 3, 1],
    codebookSize: 13,
    images: [
      { name: "one.jpg", width: 12, height: 8 },
      {
        name: "two.jpg",
        width: 12,
        height: 8,
        tile: { top: 8, left: 0, imageHeight: 16, imageWidth: 12, overlap: 4 },
      },
    ],
    fingerprint,
  },
  {
    indices: Uint16Array.of(8, 10),
    shape: [1, 1, 2, 1],
    codebookSize: 13,
    images: [{ name: "three.jpg", width: 7, height: 4 }],
    fingerprint,
  },
];

async function written(format: CodeFormat): Promise<string> {
  const dir = join(await temporaryFolder(), "codes");
  await writeCodes(dir, batches, { format });
  return dir;
}

async function readAll(path: string): Promise<Codes[]> {
  const read: Codes[] = [];
  for await (const codes of readCodes(path)) read.push(codes);
  return read;
}

/** The error of reading, or undefined when there is none. */
async function faultOf(path: string): Promise<unknown> {
  return readAll(path).then(
    () => undefined,
    (error: unknown) => error,
  );
}

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

describe.each(codeFormats)("a folder of format %s", (format) => {
  it("shows any byte that is missing at the end of any file", async () => {
    const dir = await written(format);
    const copy = join(await temporaryFolder(), "copy");
    for (const file of (await readdir(dir)).filter((name) => name !== "manifest.json")) {
      const { length } = await readFile(join(dir, file));
      for (const size of [0, 1, Math.floor(length / 2), length - 1]) {
        await cp(dir, copy, { recursive: true });
        await truncate(join(copy, file), size);
        expect(await faultOf(copy), `${file} of ${size} bytes`).toMatchObject({ code: "format" });
        await rm(copy, { recursive: true });
      }
    }
  });

  it("is read, or refused with a plain error, whatever bytes are wrong", async () => {
    const dir = await written(format);
    const random = new Random(5, "damage", format);
    for (const file of await readdir(dir)) {
      const path = join(dir, file);
      const bytes = await readFile(path);
      for (let run = 0; run < 60; run++) {
        const damaged = Buffer.from(bytes);
        for (let i = 0; i <= run % 3; i++) damaged[random.integer(bytes.length)] = random.integer(256);
        await writeFile(path, damaged);
        const fault = await faultOf(dir);
        if (fault !== undefined) expect(fault, String(fault)).toBeInstanceOf(VqkitError);
        else for (const { indices } of await readAll(dir)) expect(Math.max(...indices)).toBeLessThan(13);
      }
      await writeFile(path, bytes);
    }
    expect(await readAll(dir)).toEqual(batches);
  });
});

/** Replaces a file and the length that the manifest states, as another program would that made the folder. */
async function replace(dir: string, file: string, content: Uint8Array): Promise<void> {
  await writeFile(join(dir, file), content);
  const path = join(dir, "manifest.json");
  const manifest = JSON.parse(await readFile(path, "utf8"));
  const files = manifest.files.map((entry: { file: string }) =>
    entry.file === file ? { file, bytes: content.length } : entry,
  );
  await writeFile(path, JSON.stringify({ ...manifest, files }));
}

async function edit(dir: string, file: string, change: (text: string) => string): Promise<void> {
  await replace(dir, file, Buffer.from(change(await readFile(join(dir, file), "latin1")), "latin1"));
}

describe("an index that the codebook does not have", () => {
  it.each<[CodeFormat, (dir: string) => Promise<void>]>([
    ["jsonl", (dir) => edit(dir, "codes.jsonl", (text) => text.replace("[1,2,6,12", "[1,2,6,13"))],
    ["npy", (dir) => edit(dir, "codes-2x3.npy", (text) => text.replace("\x06\0\x0c\0", "\x06\0\x0d\0"))],
    ["tar", (dir) => edit(dir, "codes-000000.tar", (text) => text.replace("\x06\0\x0c\0", "\x06\0\x0d\0"))],
    [
      "parquet",
      (dir) =>
        edit(dir, "codes.parquet", (text) =>
          text.replace('"codebookSize":13', '"codebookSize":12').replace("vqkit", "vqkit"),
        ),
    ],
  ])("is named with its image and place in format %s", async (format, damage) => {
    const dir = await written(format);
    await damage(dir);
    if (format === "parquet") {
      const path = join(dir, "manifest.json");
      await writeFile(path, (await readFile(path, "utf8")).replace('"codebookSize":13', '"codebookSize":12'));
    }
    await expect(readAll(dir)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(
        format === "parquet"
          ? /image "one\.jpg", row 0, column 0, codebook 0: expected an index in 0\.\.11, got 12\./
          : /image "two\.jpg", row 1, column 0, codebook 0: expected an index in 0\.\.12, got 13\./,
      ),
    });
  });
});

describe("a tar shard", () => {
  type Entry = Partial<tar.Header> & { readonly name: string };

  async function shardOf(entries: readonly Entry[]): Promise<Uint8Array> {
    const pack = tar.pack();
    for (const header of entries) header.type === "symlink" ? pack.entry(header) : pack.entry(header, "{}");
    pack.finalize();
    const chunks: Uint8Array[] = [];
    for await (const chunk of pack) chunks.push(chunk as Uint8Array);
    return Buffer.concat(chunks);
  }

  it.each<[string, Entry[], RegExp]>([
    [
      "a path out of the folder",
      [{ name: "../evil.json" }],
      /expected entry 000000000\.json, got "\.\.\/evil\.json"/,
    ],
    ["a link", [{ name: "000000000.json", type: "symlink", linkname: "/etc/passwd" }], /of type symlink/],
    [
      "an entry that is missing",
      [{ name: "000000000.json" }],
      /expected entry 000000000\.npy, got the end of the shard/,
    ],
    ["another order", [{ name: "000000001.json" }], /expected entry 000000000\.json, got "000000001\.json"/],
  ])("with %s is refused", async (_, entries, message) => {
    const dir = await written("tar");
    const shard = await shardOf([
      ...entries,
      ...(entries[0]?.type === "symlink" ? [{ name: "000000000.npy" }] : []),
    ]);
    await replace(dir, "codes-000000.tar", shard);
    await expect(readAll(dir)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(message),
    });
  });
});

describe("openCodes", () => {
  it("opens a Parquet or packed file that was taken out of its folder", async () => {
    for (const [format, file] of [
      ["packed", "codes.vqc"],
      ["parquet", "codes.parquet"],
    ] as const) {
      const path = join(await written(format), file);
      const reader = await openCodes(path);
      expect(reader.manifest).toMatchObject({ layout: format, fingerprint, entries: 3, files: [] });
      expect(reader.manifest.grids).toEqual([
        { gridHeight: 2, gridWidth: 3, entries: 2 },
        { gridHeight: 1, gridWidth: 2, entries: 1 },
      ]);
      expect(await readAll(path)).toEqual(batches);
    }
  });

  it("says what is no file of codes", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "cat.jpg"), "no codes");
    await expect(openCodes(join(folder, "cat.jpg"))).rejects.toMatchObject({ code: "codes" });
    await writeFile(join(folder, "cat.vqc"), "no codes");
    await expect(openCodes(join(folder, "cat.vqc"))).rejects.toMatchObject({ code: "format" });
    await writeFile(join(folder, "cat.parquet"), "PAR1 and then nothing of the kind");
    await expect(openCodes(join(folder, "cat.parquet"))).rejects.toMatchObject({ code: "format" });
    await mkdir(join(folder, "empty"));
    await expect(openCodes(join(folder, "empty"))).rejects.toMatchObject({ code: "codes" });
  });

  it("refuses a folder whose manifest is of another model than its file", async () => {
    for (const format of ["packed", "parquet"] as const) {
      const dir = await written(format);
      const path = join(dir, "manifest.json");
      await writeFile(path, (await readFile(path, "utf8")).replace(fingerprint, "f".repeat(64)));
      await expect(openCodes(dir)).rejects.toMatchObject({
        code: "format",
        message: expect.stringMatching(/expected fingerprint f{64} as in the manifest, got 0123456789abcdef/),
      });
    }
  });
});
