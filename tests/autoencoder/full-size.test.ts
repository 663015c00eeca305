import { describe, expect, it } from "vitest";
import { describeModel } from "../../src/autoencoder/describe.js";
import * as tf from "../../src/tf/index.js";
import { tensorOf } from "../nn/check-layer.js";
import { randomGrid } from "../nn/grids.js";
import { create, describeKinds, first, kinds } from "./full-size-kinds.js";

describeKinds(first);

describe("an encoder by itself", () => {
  it("encodes, has no weights of a decoder, and says that it cannot decode", async () => {
    const model = create([{ ...kinds["VQGAN's"]?.[0], decoder: false }, 3]);
    const whole = create(kinds["VQGAN's"] as (typeof kinds)[string]);
    expect([...model.variables().keys()]).toEqual(
      [...whole.variables().keys()].filter((name) => !/^(decoder|projection\/out)\//.test(name)),
    );
    const image = tensorOf(randomGrid([1, 8, 12, 3], 1));
    expect(await model.encode(image).data()).toEqual(await whole.encode(image).data());
    expect(() => model.decode(tf.zeros([1, 2, 3, 3]))).toThrow(
      expect.objectContaining({
        code: "format",
        message: expect.stringMatching(/^decode: expected a model with a decoder, got an encoder by itself/),
      }),
    );
    expect(describeModel(model.config, 3, [8, 12]).parts.at(-1)?.name).toBe("projection/in");
    for (const each of [model, whole]) each.dispose();
  });
});
