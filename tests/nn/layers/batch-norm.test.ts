import { beforeAll, describe, expect, it } from "vitest";
import { batchNorm, convolution, Network, sequence } from "../../../src/nn/index.js";
import { useEngine } from "../../engine.js";
import { checkGradients, expectClose, networkOf, tensorOf } from "../check-layer.js";
import {
  channelStatistics,
  convolve,
  type Grid,
  type Numbers,
  normalizeBatch,
  randomGrid,
} from "../grids.js";

beforeAll(useEngine);

const layer = batchNorm({ name: "b", channels: 3, momentum: 0.25, epsilon: 0.01 });
const input = [2, 3, 5, 3] as const;

async function statisticsOf(network: Network, x: Grid): Promise<Record<string, ArrayLike<number>>> {
  const { output, statistics } = network.applyTraining(tensorOf(x));
  output.dispose();
  const entries = Object.entries(statistics).map(
    async ([name, value]) => [name, await value.data()] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

describe("batch norm in training", () => {
  it("normalises by the batch's own statistics, and changes no variable", async () => {
    const { network, weights } = networkOf(layer);
    const x = randomGrid(input, 7);
    const { output } = network.applyTraining(tensorOf(x));
    expectClose(
      await output.data(),
      normalizeBatch(x, weights, { name: "b", epsilon: 0.01, own: true }).values,
      1e-5,
    );
    for (const [name, variable] of network.variables()) {
      expect(await variable.data(), name).toEqual(weights.get(name));
    }
  });

  it("says what the running statistics become: a share of the batch's mean and unbiased variance", async () => {
    const { network, weights } = networkOf(layer);
    const x = randomGrid(input, 7);
    const [means, variances] = channelStatistics(x);
    const found = await statisticsOf(network, x);
    const running = (name: string) => weights.get(name) as Float32Array;
    const positions = 2 * 3 * 5;
    expect(Object.keys(found)).toEqual(["b/mean", "b/variance"]);
    expectClose(
      found["b/mean"] as ArrayLike<number>,
      means.map((own, c) => 0.75 * (running("b/mean")[c] as number) + 0.25 * own),
      1e-6,
    );
    expectClose(
      found["b/variance"] as ArrayLike<number>,
      variances.map(
        (own, c) => 0.75 * (running("b/variance")[c] as number) + 0.25 * own * (positions / (positions - 1)),
      ),
      1e-6,
    );
  });

  it("of one position has no variance", async () => {
    const { network, weights } = networkOf(layer);
    const found = await statisticsOf(network, randomGrid([1, 1, 1, 3], 8));
    expectClose(
      found["b/variance"] as ArrayLike<number>,
      Array.from(weights.get("b/variance") as Float32Array, (value) => 0.75 * value),
      1e-6,
    );
  });

  it("has gradients that go through the statistics", () =>
    checkGradients(
      {
        layer: sequence([
          convolution({ name: "c", kernel: 2, inputs: 2, outputs: 3, bias: false }),
          batchNorm({ name: "b", channels: 3, epsilon: 0.01 }),
        ]),
        input: [2, 4, 5, 2],
        reference: (x: Grid, w: Numbers) =>
          normalizeBatch(convolve(x, w, { name: "c", kernel: [2, 2], outputs: 3 }), w, {
            name: "b",
            epsilon: 0.01,
            own: true,
          }),
        flop: 0,
      },
      (network, x) => network.applyTraining(x).output,
    ));

  it("after batches of one kind makes in inference what it made in training", async () => {
    const network = Network.create(layer, { seed: 0 });
    const x = tensorOf(randomGrid([4, 6, 5, 3], 9));
    for (let i = 0; i < 60; i++) {
      const { output, statistics } = network.applyTraining(x);
      network.assignStatistics(statistics);
      for (const tensor of [output, ...Object.values(statistics)]) tensor.dispose();
    }
    const trained = await network.applyTraining(x).output.data();
    // The variance is the unbiased one: 120/119 of the batch's.
    expectClose(await network.apply(x).data(), trained, 0.01);
    expect(Math.max(...trained)).toBeGreaterThan(1);
  });

  it("keeps its statistics out of what learns by gradient", () => {
    const { network } = networkOf(layer);
    const learning = [...network.variables()].filter(([, variable]) => variable.trainable);
    expect(learning.map(([name]) => name)).toEqual(["b/scale", "b/offset"]);
  });
});
