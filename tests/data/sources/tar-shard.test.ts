import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { tarItems } from "../../../src/data/sources/tar-shard.js";
import { temporaryFolder } from "../temporary.js";
import { outcomes, someBytes, type TarEntry, tarBytes, writeTar } from "./shards.js";

const folder = await temporaryFolder();
const path = join(folder, "a.tar");
const read = () => outcomes(tarItems({ path, name: "a.tar" }));
const withoutImages = await tarBytes([["0.txt", "text"]]);
const [first, second, third] = [someBytes(1, 700), someBytes(2, 512), someBytes(3, 33)] as const;

describe("tarItems", () => {
  it("has one image a sample, called by its key, in the order of the shard", async () => {
    await writeTar(path, [
      ["0002.json", "{}"],
      ["0002.jpg", first],
      ["0001.PNG", second],
      ["0001.cls", "7"],
      ["v1.0/cats/0001.webp", third],
    ]);
    expect(await read()).toEqual([
      ["a.tar/0002", first],
      ["a.tar/0001", second],
      ["a.tar/v1.0/cats/0001", third],
    ]);
  });

  it("takes the entry whose whole ending is an image's, else the first whose last ending is", async () => {
    await writeTar(path, [
      ["0.mask.png", second],
      ["0.jpg", first],
      ["0.png", third],
      ["1.left.png", second],
      ["1.right.png", third],
    ]);
    expect(await read()).toEqual([
      ["a.tar/0", first],
      ["a.tar/1", second],
    ]);
  });

  it("passes over what is no image, directories and names without a key", async () => {
    await writeTar(path, [
      ["README", "text"],
      ["README.md", "text"],
      [".hidden.jpg", second],
      ["images.jpg/", { type: "directory" }],
      ["./images.jpg/0.jpg", first],
      [`${"long/".repeat(40)}1.jpg`, third],
    ]);
    expect(await read()).toEqual([
      ["a.tar/images.jpg/0", first],
      [`a.tar/${"long/".repeat(40)}1`, third],
    ]);
  });

  it.each<[string, TarEntry, string, string]>([
    [
      "a path that leads out",
      ["../evil.jpg", third],
      '"../evil.jpg"',
      "a tar entry whose path leads out of its archive",
    ],
    [
      "one in the middle",
      ["a/../../b.jpg", third],
      '"a/../../b.jpg"',
      "a tar entry whose path leads out of its archive",
    ],
    ["an absolute path", ["/etc/evil.jpg", third], '"/etc/evil.jpg"', "a tar entry with an absolute path"],
    ["a drive", ["C:evil.jpg", third], '"C:evil.jpg"', "a tar entry with an absolute path"],
    [
      "an escape sequence",
      ["\u001b[2J.jpg", third],
      '"\\u001b[2J.jpg"',
      "a tar entry with control characters in its name",
    ],
    [
      "a link",
      ["l.jpg", { type: "symlink", linkname: "/etc/passwd" }],
      '"l.jpg"',
      'a tar entry that links to "/etc/passwd"',
    ],
    ["a pipe", ["p.jpg", { type: "fifo" }], '"p.jpg"', "a tar entry of type fifo"],
  ])("makes %s a broken item and goes on", async (_, entry, name, reason) => {
    await writeTar(path, [["0.jpg", first], entry, ["1.jpg", second]]);
    expect(await read()).toEqual(
      expect.arrayContaining([
        ["a.tar/0", first],
        [`a.tar/${name}`, `${folder}/a.tar/${name}: got ${reason}.`],
        ["a.tar/1", second],
      ]),
    );
  });

  it("names the shard and the last whole sample where it is cut short", async () => {
    const whole = await tarBytes([
      ["0.jpg", first],
      ["1.jpg", second],
    ]);
    // A header and two blocks hold the first; this ends within the second's content.
    await writeFile(path, whole.subarray(0, 512 + 1024 + 512 + 100));
    expect(await read()).toEqual([
      ["a.tar/0", first],
      ["a.tar", `${path}: got a tar shard that cannot be read behind 0 (Unexpected end of data).`],
    ]);
  });

  it.each<[string, Uint8Array | string, RegExp]>([
    ["an empty file", "", /a\.tar: got a tar shard without images\.$/],
    ["a shard without images", withoutImages, /a\.tar: got a tar shard without images\.$/],
    [
      "a text",
      "no archive at all",
      /a\.tar: got a tar shard that cannot be read from its beginning \(Unexpected/,
    ],
    ["a longer text", "no archive at all\n".repeat(99), /from its beginning \(Invalid tar header/],
  ])("makes %s one broken item", async (_, content, message) => {
    await writeFile(path, content);
    expect(await read()).toEqual([["a.tar", expect.stringMatching(message)]]);
  });

  it("says what is missing, and does not wait for what a header claims", async () => {
    const claims = await tarBytes([["0.jpg", first]]);
    claims.write("77777777777", 124, "latin1"); // 8 GiB - 1
    claims.write("        ", 148, "latin1");
    const sum = claims.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    claims.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    await writeFile(path, claims);
    expect((await read())[0]).toEqual([
      'a.tar/"0.jpg"',
      expect.stringContaining("over the limit of 1073741824"),
    ]);
    const none = outcomes(tarItems({ path: join(folder, "none.tar"), name: "none.tar" }));
    expect(await none).toEqual([["none.tar", expect.stringContaining("ENOENT")]]);
  });

  it("ends with items and broken items whatever bits are wrong", async () => {
    const whole = await tarBytes([
      ["0.jpg", first],
      ["1.json", "{}"],
      ["1.jpg", second],
    ]);
    for (let seed = 0; seed < 150; seed++) {
      const random = new Random(seed, "damage");
      const damaged = Buffer.from(whole);
      for (let i = 0; i < 3; i++) {
        const at = random.integer(damaged.length);
        damaged[at] = (damaged[at] as number) ^ (1 << random.integer(8));
      }
      await writeFile(path, damaged.subarray(0, random.integer(damaged.length) + 1));
      expect((await read()).length).toBeGreaterThan(0);
    }
  });
});
