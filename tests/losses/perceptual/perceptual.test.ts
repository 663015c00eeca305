import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { openTensors } from "../../../src/files/index.js";
import { backbone, backboneNames } from "../../../src/losses/perceptual/backbones.js";
import { inParts } from "../../../src/losses/perceptual/create.js";
import { featureDistance } from "../../../src/losses/perceptual/distance.js";
import { openPerceptualNetwork } from "../../../src/losses/perceptual/network.js";
import { perceptualDescription } from "../../../src/losses/perceptual/options.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

beforeAll(useEngine);

// Written by tools/make_perceptual_reference.py: PyTorch in float64. Narrow, as the files would be large.
const fixtures = {
  vgg: { file: "vgg.safetensors", divisor: 32 },
  alex: { file: "alex.safetensors", divisor: 32 },
  squeeze: { file: "squeeze.pth", divisor: 16 },
} as const;

const fileOf = (name: keyof typeof fixtures) => path.join(import.meta.dirname, fixtures[name].file);

async function reference(name: keyof typeof fixtures) {
  const source = await openTensors(fileOf(name));
  const read = async (tensor: string) => {
    const { shape, data } = await source.read(tensor);
    return tf.tensor(data as Float32Array, [...shape] as [number]) as unknown as tf.Tensor4D;
  };
  const [images, reconstructions, distance, gradient] = await Promise.all(
    ["images", "reconstructions", "distance", "gradient"].map(read),
  );
  await source.close();
  return { images, reconstructions, distance, gradient } as Readonly<
    Record<"images" | "reconstructions" | "distance" | "gradient", tf.Tensor4D>
  >;
}

async function expectClose(made: tf.Tensor, expected: tf.Tensor, tolerance = 1e-4): Promise<void> {
  expect(made.shape).toEqual(expected.shape);
  const [values, wanted] = [await made.data(), await expected.data()];
  const scale = Math.max(...[...wanted].map(Math.abs));
  const worst = [...wanted].reduce(
    (most, value, i) => Math.max(most, Math.abs((values[i] as number) - value)),
    0,
  );
  expect(worst / scale).toBeLessThan(tolerance);
}

describe.each(backboneNames)("LPIPS by %s", (name) => {
  const { divisor } = fixtures[name];
  const open = () =>
    openPerceptualNetwork({ kind: name, weights: fileOf(name), heads: fileOf(name) }, divisor);

  it("has PyTorch's distance and gradient on an image that is not square", async () => {
    const network = await open();
    const { images, reconstructions, distance, gradient } = await reference(name);
    await expectClose(network.distances(images, reconstructions), distance);
    const made = tf.grad((x) => network.distances(images, x as tf.Tensor4D))(reconstructions);
    await expectClose(made, gradient);
    network.dispose();
  });

  it("is the same in parts, and frees what it read", async () => {
    const before = tf.memory().numTensors;
    const network = await open();
    const { images, reconstructions, ...rest } = await reference(name);
    const [a, b] = tf.tidy(() => [
      tf.concat([images, reconstructions, images]),
      tf.concat([reconstructions, images, images]),
    ]) as [tf.Tensor4D, tf.Tensor4D];
    const whole = tf.valueAndGrad((x: tf.Tensor4D) => tf.mean(network.distances(a, x)) as tf.Scalar);
    const parts = tf.valueAndGrad((x: tf.Tensor4D) => inParts([a, x], 2, (p, q) => network.distances(p, q)));
    const [one, other] = [whole(b), parts(b)];
    await expectClose(other.value, one.value, 1e-6);
    await expectClose(other.grad, one.grad, 1e-5);
    tf.dispose([one, other, a, b, images, reconstructions, rest as tf.NamedTensorMap]);
    network.dispose();
    network.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("takes images down to the smallest side that it says, and no smaller", () => {
    const config = perceptualDescription.parse(
      { kind: "perceptual", network: { kind: name, weights: "w" } },
      "",
    );
    const side = perceptualDescription.smallestSide?.(config) as number;
    const through = (height: number) => {
      let size: readonly [number, number, number] = [height, 64, 3];
      for (const stage of backbone(name).stages) size = stage.cost(size).output;
      return size;
    };
    expect(through(side)[0]).toBeGreaterThanOrEqual(1);
    expect(through(side)[2]).toBe(backbone(name).channels.at(-1));
    expect(() => through(side - 1)).toThrow(/expected shape/);
  });

  it("names a weight that does not fit", async () => {
    const files = { kind: name, weights: fileOf(name), heads: fileOf(name) };
    await expect(openPerceptualNetwork(files, 1)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(/"features\.0\.weight": expected \[64,3,/),
    });
    const other = fileOf(name === "vgg" ? "alex" : "vgg");
    await expect(openPerceptualNetwork({ ...files, heads: other }, divisor)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(/expected LPIPS's heads, lin\d\.model\.1\.weight/),
    });
  });
});

it("has no gradient, and none that is not finite, at positions without any feature", async () => {
  const dead = tf.tensor4d([0, 0, 3, 4], [1, 1, 2, 2]);
  const other = tf.tensor4d([0, 5, 3, 4], [1, 1, 2, 2]);
  // At (0,0) the distance is ‖0 − (0,1)‖² = 1, the mean over two positions ½.
  expect([...(await featureDistance([dead], [other], null).data())]).toEqual([0.5]);
  const gradient = await tf
    .grad((x) => featureDistance([x as tf.Tensor4D], [other], null))(dead)
    .data();
  expect([...gradient].every(Number.isFinite)).toBe(true);
  expect([...gradient].slice(0, 2).map(Math.abs)).toEqual([0, 0]);
});

it("refuses files without the network's weights, and heads beside an ONNX file", async () => {
  const fixture = path.join(import.meta.dirname, "perceptual.test.ts");
  await expect(openPerceptualNetwork({ kind: "vgg", weights: fixture, heads: null })).rejects.toMatchObject({
    code: "format",
  });
  const parse = (network: object) =>
    perceptualDescription.parse({ kind: "perceptual", network }, "objectives[0]");
  expect(() => parse({ kind: "onnx", weights: "a.onnx", heads: "b.pth" })).toThrow(
    /objectives\[0\]\.network\.heads/,
  );
  expect(() => parse({ kind: "vgg" })).toThrow(/network\.weights/);
  expect(parse({ kind: "vgg", weights: "w" })).toEqual({
    kind: "perceptual",
    network: { kind: "vgg", weights: "w", heads: null, fingerprint: null },
    weight: 1,
    batch: null,
  });
});
