import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokenImage, dataConfigSchema, ImageDataset } from "../../../src/data/index.js";
import {
  DistanceNetwork,
  evaluateMeanColour,
  evaluateModel,
  FeatureNetwork,
} from "../../../src/evaluation/index.js";
import { reconstructionLossSchema } from "../../../src/losses/index.js";
import { evaluateModels } from "../../../src/queue/index.js";
import { loadModel } from "../../../src/tokenizer/index.js";
import { noise, temporaryFolder } from "../../data/temporary.js";
import { useEngine } from "../../engine.js";
import { distanceModel, featureModel } from "../../evaluation/stand-in-networks.js";
import { modelFile, quantizers } from "../../tokenizer/model.js";
import { hasRedis, RedisServer } from "../redis-server.js";
import { served } from "../serving.js";

const shared = await temporaryFolder();
await useEngine();
const paths = [await modelFile(path.join(shared), quantizers.vq)];
const redis = hasRedis ? await RedisServer.start() : undefined;
const url = redis?.url ?? "";
afterAll(() => redis?.remove());

beforeAll(async () => {
  for (let i = 0; i < 7; i++) {
    const file = path.join(shared, `image${i}.png`);
    // The last part has no readable image.
    if (i === 2 || i === 6) await writeFile(file, "no image");
    else
      await noise(i, { height: 16, width: i === 1 ? 48 : 24 })
        .image.png()
        .toFile(file);
  }
});

describe.skipIf(!hasRedis)("an evaluation on a queue (needs redis-server)", () => {
  it("finds what one process finds, bit for bit, with the statistics of a network too", async () => {
    const [fid, lpips] = [path.join(shared, "fid.onnx"), path.join(shared, "lpips.onnx")];
    await writeFile(fid, featureModel());
    await writeFile(lpips, distanceModel());
    const networks = {
      fid: await FeatureNetwork.open(fid, { threads: 1 }),
      lpips: await DistanceNetwork.open(lpips, { threads: 1 }),
    };
    const models = await Promise.all(
      paths.map(async (each) => ({ path: each, loaded: await loadModel(each) })),
    );
    const data = dataConfigSchema.parse({
      ...{ images: path.join(shared, "*.png"), cropSize: [16, 24], heldOut: 0, evaluationCropsPerImage: 4 },
    });
    const loss = reconstructionLossSchema.parse("l1");
    const here: BrokenImage[] = [];
    const dataset = await ImageDataset.open(data, 0, { onBroken: (each) => void here.push(each) });
    const batches = () => dataset.evaluationBatches({ batchSize: 2, imagesPerPart: 3 });
    const expected = [];
    for (const { loaded } of models) {
      const { examples: _, ...evaluation } = await evaluateModel(loaded.model, batches(), { loss, networks });
      expected.push(evaluation);
    }
    const meanColour = await evaluateMeanColour(batches(), { loss });

    const there: BrokenImage[] = [];
    const { result, events } = await served(shared, url, () =>
      evaluateModels(
        {
          ...{
            models,
            data,
            loss,
            batchSize: 2,
            networks,
            networkFiles: { fid: { file: fid }, lpips: { file: lpips } },
          },
          engine: { threads: 1 },
        },
        {
          ...{ queue: { url }, shared, leaseSeconds: 5, imagesPerPart: 3 },
          onBroken: (each) => void there.push(each),
        },
      ),
    );
    expect(result).toEqual({ models: expected, meanColour });
    expect(expected[0]?.figures.fid).toBeGreaterThan(0);
    expect(expected[0]?.figures.lpips).toBeGreaterThan(0);
    expect(expected[0]?.figures.images).toBe(6);
    expect(there).toEqual(here);
    const items = events.flatMap((event) => (event.type === "piece" ? [event.items] : []));
    expect(items).toEqual([3, 3, 0]);
    expect(existsSync(path.join(shared, ".vqkit-queue"))).toBe(false);
    for (const { loaded } of models) loaded.model.dispose();
    await Promise.all([networks.fid.release(), networks.lpips.release()]);
  });
});
