import { beforeAll, describe, expect, it } from "vitest";
import { pixelsToTensor, tensorToPixels } from "../../src/autoencoder/pixels.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

beforeAll(useEngine);

describe("pixelsToTensor", () => {
  it("maps 0..255 onto -1..1 in row order", async () => {
    const pixels = Uint8Array.of(0, 255, 51, 204, 1, 254);
    const tensor = pixelsToTensor({ pixels, count: 1, height: 1, width: 2 });
    expect(tensor.shape).toEqual([1, 1, 2, 3]);
    expect(tensor.dtype).toBe("float32");
    // 51/127.5 = 0.4, 204/127.5 = 1.6, 1/127.5 = 2/255
    const expected = [-1, 1, -0.6, 0.6, 2 / 255 - 1, 1 - 2 / 255].map(Math.fround);
    expect([...(await tensor.data())]).toEqual(expected);
    tensor.dispose();
  });

  it("refuses another number of bytes", () => {
    expect(() => pixelsToTensor({ pixels: new Uint8Array(5), count: 1, height: 1, width: 2 })).toThrow(
      expect.objectContaining({ code: "shape", message: "pixels: expected shape [1,1,2,3], got [5]." }),
    );
  });
});

describe("tensorToPixels", () => {
  it("inverts pixelsToTensor for every byte", async () => {
    const pixels = Uint8Array.from({ length: 768 }, (_, i) => i % 256);
    const batch = { pixels, count: 2, height: 8, width: 16 };
    const tensor = pixelsToTensor(batch);
    expect(await tensorToPixels(tensor)).toEqual(batch);
    tensor.dispose();
  });

  it("clamps, and rounds half to even", async () => {
    // (y + 1)·127.5 = -63.75, 255.1…, -∞, 127.5 (to the even 128), 31.875, 63.75, 95.625, 1020, 0.01…
    const values = [-1.5, 1.001, Number.NEGATIVE_INFINITY, 0, -0.75, -0.5, -0.25, 7, -0.9999];
    const tensor = tf.tensor4d(values, [1, 3, 1, 3]);
    expect((await tensorToPixels(tensor)).pixels).toEqual(Uint8Array.of(0, 255, 0, 128, 32, 64, 96, 255, 0));
    tensor.dispose();
  });

  it("refuses NaN and other shapes", async () => {
    const tensor = tf.tensor4d([0, 0, Number.NaN], [1, 1, 1, 3]);
    await expect(tensorToPixels(tensor)).rejects.toMatchObject({ code: "numerics" });
    await expect(tensorToPixels(tf.zeros([1, 1, 3, 1]))).rejects.toMatchObject({ code: "shape" });
    tensor.dispose();
  });
});
