import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { resampleFloats, smoothWeights } from "../../../src/data/resampling/index.js";
import { FeatureNetwork, type ReferenceStatistics } from "../../../src/evaluation/index.js";
import {
  checkProtocolImages,
  checkProtocolNetworks,
  cleanFidInput,
  type EvaluationProtocol,
  evaluationProtocol,
  protocolLine,
  protocolNames,
  protocolSummary,
  pytorchFidInput,
  registerProtocol,
  tensorflowInput,
} from "../../../src/evaluation/protocols/index.js";
import { temporaryFolder } from "../../cli/harness.js";
import { featureModel } from "../stand-in-networks.js";

const llamagen = evaluationProtocol("llamagen");
const name = (i: number) => `/data/val/n0144/ILSVRC2012_val_${String(i).padStart(8, "0")}.JPEG`;
const validation = Array.from({ length: 50_000 }, (_, i) => name(i + 1));

/** Two features in place of 2,048, so that a network of two fits. */
const ofTwo: EvaluationProtocol = { ...llamagen, side: 20, fid: { ...llamagen.fid, features: 2 } };
const statistics = (dimensions: number) =>
  ({
    dimensions,
    mean: new Float64Array(dimensions),
    covariance: new Float64Array(dimensions ** 2),
    sha256: "",
  }) as ReferenceStatistics;

let open: FeatureNetwork | undefined;
afterEach(async () => {
  await open?.release();
  open = undefined;
});

async function network(input = tensorflowInput): Promise<FeatureNetwork> {
  const file = path.join(await temporaryFolder(), "features.onnx");
  await writeFile(file, featureModel());
  open = await FeatureNetwork.open(file, { threads: 1, input });
  return open;
}

test("each has a name of its own and says what it fixes", () => {
  const published = [
    "adm",
    "clean-fid",
    "clean-fid-train",
    "llamagen",
    "llamagen-coco",
    "open-magvit2",
    "taming",
    "titok",
  ];
  expect(protocolNames()).toEqual(expect.arrayContaining(published));
  for (const each of published) {
    const protocol = evaluationProtocol(each);
    expect(protocol.covers).toContain("fid");
    expect(protocol.fid.reference === "statistics").toBe(protocol.fid.statistics !== undefined);
    expect(protocol.covers.includes("lpips")).toBe(protocol.lpips !== undefined);
    expect(protocol.images.fileName.test(protocol.images.example)).toBe(true);
    expect(protocol.source).toMatch(/^\w+[\w-]*\/[\w-]+: /);
  }
});

test("an unknown name is answered with the nearest", () => {
  expect(() => evaluationProtocol("lamagen")).toThrow('protocol: Unknown protocol "lamagen". Known: adm,');
  expect(() => evaluationProtocol("lamagen")).toThrow('Did you mean "llamagen"?');
  expect(() => registerProtocol({ ...llamagen })).toThrow('Protocol "llamagen" is already registered');
  expect(() => registerProtocol({ ...llamagen, name: "My own" })).toThrow(/expected small letters/);
  expect(() => registerProtocol(llamagen)).not.toThrow();
});

describe("images that do not fit", () => {
  test("all 50,000 of them fit, in folders or not", () => {
    expect(() => checkProtocolImages(llamagen, validation)).not.toThrow();
  });

  test.each([
    ["another number", validation.slice(1), "got 49,999."],
    [
      "names of another set",
      [...validation.slice(1), "/data/train/n01440764_10026.JPEG"],
      "named as ILSVRC2012_val_00000001.JPEG, got /data/train/n01440764_10026.JPEG.",
    ],
    [
      "an image twice",
      [...validation.slice(1), `${name(2)}.png`],
      `each once, got ${name(2)} and ${name(2)}.png.`,
    ],
  ])("%s", (_, files, message) => {
    expect(() => checkProtocolImages(llamagen, files)).toThrow(message);
    expect(() => checkProtocolImages(llamagen, files)).toThrow(
      /^images: expected the 50,000 images of [^\n]+$/,
    );
  });
});

describe("networks and references that do not fit", () => {
  test("what fits", async () => {
    await expect(checkProtocolNetworks(ofTwo, { fid: await network() })).resolves.toBeUndefined();
    await expect(checkProtocolNetworks(ofTwo, {})).resolves.toBeUndefined(); // PSNR alone
  });

  test("features of another network", async () => {
    const fid = await network();
    await expect(checkProtocolNetworks(llamagen, { fid })).rejects.toMatchObject({
      path: "fid",
      message: expect.stringContaining("expected a network of 2048 features for protocol llamagen, got 2."),
    });
  });

  test("statistics where the same images are asked for, none or others where statistics are", async () => {
    const fid = await network();
    const train: EvaluationProtocol = { ...evaluationProtocol("adm"), side: 20 };
    const ofTwoTrain = { ...train, fid: { ...train.fid, features: 2 } };
    for (const [protocol, fidReference, message] of [
      [ofTwo, statistics(2), "expected none for protocol llamagen"],
      [ofTwoTrain, undefined, "expected mu and sigma of ADM's reference batch"],
      [ofTwoTrain, statistics(3), "expected statistics of 2 features for protocol adm, got 3."],
    ] as const) {
      await expect(checkProtocolNetworks(protocol, { fid, fidReference })).rejects.toMatchObject({
        path: "fidReference",
        message: expect.stringContaining(message),
      });
    }
    await expect(
      checkProtocolNetworks(ofTwoTrain, { fid, fidReference: statistics(2) }),
    ).resolves.toBeUndefined();
  });

  test("nothing that a protocol covers", async () => {
    await expect(checkProtocolNetworks(evaluationProtocol("taming"), {})).rejects.toMatchObject({
      path: "fid",
    });
  });

  test("LPIPS by another network where the protocol covers it; elsewhere it stands beside", async () => {
    const magvit = evaluationProtocol("open-magvit2");
    for (const [kind, heads] of [
      ["squeeze", true],
      ["alex", false],
      ["file", false],
    ] as const) {
      await expect(checkProtocolNetworks(magvit, { lpips: { kind, heads } })).rejects.toMatchObject({
        path: "lpips",
      });
    }
    await expect(
      checkProtocolNetworks(magvit, { lpips: { kind: "alex", heads: true } }),
    ).resolves.toBeUndefined();
    await expect(
      checkProtocolNetworks(llamagen, { lpips: { kind: "squeeze", heads: false } }),
    ).resolves.toBeUndefined();
  });
});

describe("what a network is given", () => {
  // 23 wide: output column 13 of 299 lies at 13·23/299 = 1 exactly, column 26 at 2; 13 high likewise: row 23 at 1.
  const [height, width] = [13, 23];
  const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) => (i * 71) % 251);
  const at = (y: number, x: number, c: number) => pixels[(y * width + x) * 3 + c] as number;
  const area = 299 * 299;

  test("TensorFlow 1's corners: whole positions show whole pixels; bytes as (x − 128)/128", () => {
    const { data, dims } = tensorflowInput.values({ pixels, count: 1, height, width });
    expect(dims).toEqual([1, 3, 299, 299]);
    expect(data[2 * area + 23 * 299 + 26]).toBeCloseTo((at(1, 2, 2) - 128) / 128, 6);
    expect(data[area + 46 * 299 + 13]).toBeCloseTo((at(2, 1, 1) - 128) / 128, 6);
  });

  test("PyTorch's centres: the middle shows the middle pixel, edges are repeated; bytes as x/127.5 − 1", () => {
    const two = new Uint8Array([...pixels.map((byte) => 255 - byte), ...pixels]);
    const { data } = pytorchFidInput.values({ pixels: two, count: 2, height, width });
    const second = 3 * area;
    expect(data[second + 149 * 299 + 149]).toBeCloseTo(at(6, 11, 0) / 127.5 - 1, 5);
    expect(data[second + area]).toBeCloseTo(at(0, 0, 1) / 127.5 - 1, 6);
    expect(data[area]).toBeCloseTo((255 - at(0, 0, 1)) / 127.5 - 1, 6);
  });
});

test("clean-fid's: what the kernel overshoots beside an edge is cut off", () => {
  // Black and white halves: the cubic overshoots by a few per cent on both sides of the edge.
  const pixels = Uint8Array.from({ length: 20 * 30 * 3 }, (_, i) => (Math.floor(i / 3) % 30 < 15 ? 0 : 255));
  const { data } = cleanFidInput.values({ pixels, count: 1, height: 20, width: 30 });
  const [least, most] = data.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [9, -9]);
  expect([least, most]).toEqual([-1, 127 / 128]);
  const [rows, columns] = [smoothWeights(20, 299, "bicubic"), smoothWeights(30, 299, "bicubic")];
  const uncut = resampleFloats({ pixels, height: 20, width: 30 }, { rows, columns });
  expect(uncut.reduce((a, b) => Math.max(a, b), 0)).toBeGreaterThan(260);
});

test("a summary has the figures that were measured, and the card's line names them", () => {
  const summary = protocolSummary(evaluationProtocol("open-magvit2"), { psnr: 21, lpips: null, fid: 2.5 });
  expect(summary.figures).toEqual(["psnr", "fid"]);
  expect(protocolLine(summary)).toMatch(
    /^open-magvit2 \(psnr, fid\): 50,000 images of ImageNet \(ILSVRC2012\) validation at 256x256; TencentARC\/SEED-Voken/,
  );
});
