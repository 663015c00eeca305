/** What a worker thread of `WorkerPasses` runs: one model, one pass after another. */
import { workerData } from "node:worker_threads";
import { move, transferableSymbol, valueSymbol } from "piscina";
import { VqkitError } from "../../core/errors.js";
import { loadModel } from "../model-loading.js";
import { ModelPasses } from "../model-passes.js";
import type { PassResult, PassTask } from "./joined-passes.js";
import { importModules, type WorkerModel } from "./loading-options.js";
import type { ModelFacts } from "./passes.js";
import { type Thrown, thrownOf } from "./thrown.js";

/** A pass, or the question for the facts of the model. */
export type WorkerTask =
  | { readonly kind: "facts" }
  | { readonly kind: "pass"; readonly pass: PassTask; readonly fingerprint: string };

/** What comes back: errors as data, since a thrown one would lose its class on the way. */
export type WorkerAnswer = { readonly value: PassResult | ModelFacts } | { readonly thrown: Thrown };

let loading: Promise<ModelPasses> | undefined;

export default async function answer(task: WorkerTask): Promise<WorkerAnswer> {
  try {
    loading ??= load(workerData as WorkerModel);
    const passes = await loading;
    if (task.kind === "facts") return { value: passes.facts };
    // A worker that takes the place of one that has died reads the files again.
    if (passes.facts.fingerprint !== task.fingerprint) throw otherModel();
    const value = await compute(passes, task.pass);
    return moved({ value }, bufferOf(value));
  } catch (error) {
    return { thrown: thrownOf(error) };
  }
}

async function load({ path, engine, quantizerModules }: WorkerModel): Promise<ModelPasses> {
  await importModules(quantizerModules);
  return new ModelPasses(await loadModel(path, engine));
}

function compute(passes: ModelPasses, task: PassTask): Promise<PassResult> {
  switch (task.kind) {
    case "encode":
      return passes.encode(task.pixels);
    case "latents":
      return passes.latents(task.pixels);
    case "forward":
      return passes.forward(task.pixels);
    case "decode":
      return passes.decode(task.grid);
    case "codeVectors":
      return passes.codeVectors(task.codebook);
  }
}

/** Passes make their arrays anew, each over all of its memory. */
function bufferOf(value: PassResult): ArrayBufferLike {
  if ("indices" in value) return value.indices.buffer;
  return "pixels" in value ? value.pixels.buffer : value.values.buffer;
}

/** An answer whose memory goes to the other thread instead of being copied. */
function moved(answer: WorkerAnswer, buffer: ArrayBufferLike): WorkerAnswer {
  return move({ [transferableSymbol]: buffer, [valueSymbol]: answer }) as unknown as WorkerAnswer;
}

function otherModel(): VqkitError {
  return new VqkitError(
    "run",
    "Tokenizer: expected the model that was loaded, got another one in its place. Load it again.",
  );
}
