import { createHash } from "node:crypto";
import { beforeAll, expect, it, vi } from "vitest";
import { InferenceSession } from "../../src/backend/index.js";
import { useEngine } from "../engine.js";
import { tinyFolders, tinyRun, train } from "./tiny-runs.js";

const { images } = await tinyFolders();

beforeAll(useEngine);

it("a training with moving averages compiles no graph twice", async () => {
  const compile = vi.spyOn(InferenceSession, "create");
  try {
    const codebook = { kind: "vq", codebookSize: 19, codeDim: 5, codebook: "ema", initialization: "kmeans" };
    await train(tinyRun(images, { quantizer: codebook, steps: 4, evaluateUntrained: false }));
    // A graph is given as bytes, as long as it has no files beside it.
    const graphs = compile.mock.calls.map(([model]) =>
      createHash("sha256")
        .update(model as Uint8Array)
        .digest("hex"),
    );
    expect(graphs.length).toBeGreaterThan(2);
    expect(new Set(graphs).size).toBe(graphs.length);
  } finally {
    compile.mockRestore();
  }
});
