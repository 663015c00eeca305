import tar from "tar-stream";
import { describe, expect, it } from "vitest";
import { collect, replaceFile, written } from "./samples.js";

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
    await replaceFile(dir, "codes-000000.tar", shard);
    await expect(collect(dir)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(message),
    });
  });
});
