import { describe, expect, it } from "vitest";
import { classesOf, classOf, type EncodedBatch, withLabels } from "../../src/tokenizer/index.js";
import { encoded, one } from "./code-files/samples.js";

describe("classOf", () => {
  it.each([
    ["cat/a.jpg", "cat"],
    ["cat/deep/a.jpg", "cat"],
    ["a.jpg", undefined],
    ["/a.jpg", undefined],
  ])("of %s is %s", (name, expected) => expect(classOf(name)).toBe(expected));
});

describe("classesOf", () => {
  it("has each class once, sorted by code point", () => {
    // In UTF-16 the emoji's first half, d83d, stands before ﬀ, fb00; by code point it stands behind.
    const names = [
      "b/2.jpg",
      "\u{1f600}/1.jpg",
      "a-b/1.jpg",
      "\ufb00/1.jpg",
      "b/1.jpg",
      "a/1.jpg",
      "Z/1.jpg",
    ];
    expect(classesOf(names)).toEqual(["Z", "a", "a-b", "b", "\ufb00", "\u{1f600}"]);
  });

  it("refuses an image without a folder", () => {
    expect(() => classesOf(["a/1.jpg", "2.jpg"])).toThrow(
      "2.jpg: expected an image in a folder that is named after its class, got none in its name, which begins behind the folder that all images have in common. Give the folder of all classes.",
    );
  });
});

describe("withLabels", () => {
  const batchOf = (...names: string[]): EncodedBatch[] =>
    encoded(names.map((name) => ({ ...one, images: [{ name, width: 12, height: 8 }] })));

  async function labelsOf(batches: readonly EncodedBatch[], classes: readonly string[]) {
    const labels: unknown[] = [];
    async function* stream() {
      yield* batches;
    }
    for await (const { images, itemsDone } of withLabels(stream(), classes)) labels.push([itemsDone, images]);
    return labels;
  }

  it("gives each image the place of its class", async () => {
    expect(await labelsOf(batchOf("cat/a.jpg", "ape/b.jpg"), ["ape", "bat", "cat"])).toEqual([
      [1, [{ name: "cat/a.jpg", width: 12, height: 8, label: 2 }]],
      [3, [{ name: "ape/b.jpg", width: 12, height: 8, label: 0 }]],
    ]);
  });

  it("refuses a class that is not in the list, and an image without one", async () => {
    await expect(labelsOf(batchOf("dog/a.jpg"), ["ape", "cat"])).rejects.toMatchObject({
      code: "data",
      message:
        'dog/a.jpg: expected an image of one of the 2 classes, got "dog". Add it to the list of classes.',
    });
    await expect(labelsOf(batchOf("a.jpg"), ["ape"])).rejects.toMatchObject({ code: "data" });
  });
});
