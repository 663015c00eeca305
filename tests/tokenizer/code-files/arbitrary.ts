import fc from "fast-check";
import type { CodedImage, Codes } from "../../../src/tokenizer/index.js";

export const fingerprint = "0123456789abcdef".repeat(4);

/** Sizes of codebooks on both sides of every limit: bits an index, bits of the arrays. */
export const codebookSizes = [2, 3, 255, 256, 257, 65_536, 65_537, 2 ** 24] as const;

const side = fc.integer({ min: 1, max: 5 });
const pixels = fc.integer({ min: 1, max: 100_000 });
const offset = fc.integer({ min: 0, max: 2 ** 30 });

const image: fc.Arbitrary<CodedImage> = fc
  .record({
    name: fc.string({ unit: "binary", minLength: 1, maxLength: 40 }), // any code points but halves of pairs
    width: pixels,
    height: pixels,
    place: fc.option(fc.tuple(offset, offset, pixels, pixels, pixels)),
  })
  .map(({ name, width, height, place }) => {
    if (place === null) return { name, width, height };
    const [top, left, below, right, overlap] = place;
    const size = { imageHeight: top + height + below, imageWidth: left + width + right };
    return { name, width, height, tile: { top, left, ...size, overlap } };
  });

/** Sides of the scales of a sequence, or none where codes are grids. */
const scales = fc.option(
  fc.uniqueArray(side, { minLength: 1, maxLength: 3 }).map((sides) => sides.sort((a, b) => a - b)),
  { nil: undefined },
);

/** Batches of one model, of few latent grids, so that grids come again; of some models sequences. */
export const anyBatches: fc.Arbitrary<Codes[]> = fc
  .record({
    codebookSize: fc.constantFrom(...codebookSizes),
    codebooks: fc.integer({ min: 1, max: 3 }),
    scales,
    grids: fc.array(fc.tuple(side, side), { minLength: 1, maxLength: 3 }),
    batches: fc.array(fc.tuple(fc.nat(), fc.array(image, { minLength: 1, maxLength: 4 })), {
      minLength: 1,
      maxLength: 6,
    }),
  })
  .chain(({ codebookSize, codebooks, scales, grids, batches }) =>
    fc.tuple(
      ...batches.map(([pick, images]) => {
        const sequence = scales?.reduce((sum, each) => sum + each ** 2, 0);
        const [height, width] =
          sequence === undefined ? (grids[pick % grids.length] as [number, number]) : [1, sequence];
        const length = images.length * height * width * codebooks;
        const index = fc.oneof(fc.nat(codebookSize - 1), fc.constantFrom(0, codebookSize - 1));
        return fc.array(index, { minLength: length, maxLength: length }).map(
          (values): Codes => ({
            indices: codebookSize <= 65_536 ? Uint16Array.from(values) : Uint32Array.from(values),
            shape: [images.length, height, width, codebooks],
            codebookSize,
            images,
            fingerprint,
            ...(scales === undefined ? {} : { scales }),
          }),
        );
      }),
    ),
  );
