import { expect, it } from "vitest";
import { evaluationCard } from "../../src/evaluation/index.js";
import { assertSameConventions } from "../../src/metrics/index.js";

const evaluation = {
  images: 6,
  imagesDigest: "0123456789abcdef",
  optionalConventions: { msSsim: "five scales" },
};
const loss = { l1: 1, l2: 0, huber: 0.5, ssim: 0.2, huberDelta: 0.1 };
const data = { resize: null, cropSize: [48, 64] as [number, number], evaluationCropsPerImage: 3 };
const circumstances = { loss, data, set: "held-out files" };

it("names the loss, the set of images and how they were cut", () => {
  const card = evaluationCard(evaluation, circumstances);
  expect(card).toMatchObject({
    reconstructionLoss: expect.stringMatching(/^1 l1 \+ 0\.5 huber\(0\.1\) \+ 0\.2 ssim;/),
    evaluationSet: "held-out files",
    evaluationImages: 6,
    imageHeight: 48,
    imageWidth: 64,
    resize: "none",
    imagesDigest: "0123456789abcdef",
    msSsim: "five scales",
  });
  expect(card.psnr).toContain("range 255");
  expect(JSON.parse(JSON.stringify(card))).toEqual(card);
});

it.each([
  ["loss", evaluation, { ...circumstances, loss: { ...loss, l1: 2 } }],
  ["image", { ...evaluation, imagesDigest: "0123456789abcdee" }, circumstances],
  ["optional figures", { ...evaluation, optionalConventions: {} }, circumstances],
  ["set", evaluation, { ...circumstances, set: "training files" }],
  ["resize", evaluation, { ...circumstances, data: { ...data, resize: 96 } }],
  ["crop", evaluation, { ...circumstances, data: { ...data, cropSize: [64, 48] as [number, number] } }],
])("differs by %s, so that such results are not tabulated together", (_, other, its) => {
  const results = [
    { name: "a", card: evaluationCard(evaluation, circumstances) },
    { name: "b", card: evaluationCard(other, its) },
  ];
  expect(() => assertSameConventions(results)).toThrow(/^b: expected/);
});
