import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { releaseGraphs } from "../../backend/index.js";
import { VqkitError } from "../../core/errors.js";
import { type BrokenImage, countDatasetImages, type FoundFiles, type ImageNote } from "../../data/index.js";
import type { JsonObject } from "../../files/index.js";
import { RunPlan, readSource, resolveRun, Trainer, type TrainerHooks } from "../../training/index.js";
import type { ComputingControl } from "./control.js";

/** A training that somebody else planned. Plain data, which goes to another thread. */
export interface TrainingWork extends Pick<FoundFiles, "files" | "unusable"> {
  /** The run folder. Where it is there, it has a checkpoint, and the run is resumed from the newest. */
  readonly dir: string;
  /** As the run's folder keeps it. */
  readonly config: JsonObject;
  /** Files that it names, and where they lie here. */
  readonly places: readonly (readonly [name: string, place: string])[];
  /** Threads inside one operator. */
  readonly threads: number;
}

/** What a training met on the way. */
export interface TrainingRecord {
  /** Steps that the run has done. */
  readonly steps: number;
  readonly broken: readonly BrokenImage[];
  readonly notes: readonly ImageNote[];
}

/**
 * Trains a run to its end in its folder.
 *
 * @throws as `Trainer.create` or `Trainer.resume`, and `Trainer.run`; the reason of the signal, once a checkpoint of the
 * last step is saved
 */
export async function train(
  work: TrainingWork,
  { signal, onItems }: ComputingControl,
): Promise<TrainingRecord> {
  const notes: ImageNote[] = [];
  const hooks = { ...hooksOf(work), onNote: (note: ImageNote) => void notes.push(note) };
  const trainer = existsSync(work.dir)
    ? await Trainer.resume(work.dir, hooks)
    : await Trainer.create(await planOf(work), hooks);
  try {
    let steps = trainer.resumed?.step ?? 0;
    onItems(steps);
    for await (const metrics of trainer.run({ signal })) {
      steps = metrics.step;
      onItems(steps);
    }
    return { steps, broken: trainer.dataset.broken, notes };
  } finally {
    trainer.dispose();
    // The next model's graphs are others.
    await releaseGraphs();
  }
}

/**
 * What this machine's arithmetic makes of the first step of a training: equal where the losses and all weights behind it
 * are equal bit for bit. Writes nothing.
 *
 * @returns SHA-256 in hex
 * @throws as `Trainer.create` and `Trainer.run`
 */
export async function trainingProbe(work: TrainingWork, { signal }: ComputingControl): Promise<string> {
  const { config, source } = await planOf(work);
  const first = { ...config, out: null, evaluateUntrained: false };
  const trainer = await Trainer.create(new RunPlan(first, source), hooksOf(work));
  try {
    const hash = createHash("sha256");
    for await (const metrics of trainer.run({ signal })) {
      const { imagesPerSecond: _, elapsedSeconds: __, ...figures } = metrics;
      hash.update(JSON.stringify(figures));
      break;
    }
    for (const [name, variable] of trainer.model.variables()) {
      const { buffer, byteOffset, byteLength } = await variable.data();
      hash.update(name).update(new Uint8Array(buffer, byteOffset, byteLength));
    }
    return hash.digest("hex");
  } finally {
    trainer.dispose();
    await releaseGraphs();
  }
}

function hooksOf({ files, unusable, places, threads }: TrainingWork): TrainerHooks {
  const passedOver = { files: 0, endings: {}, links: 0, devices: 0, folders: [] };
  return {
    find: (source, options) =>
      countDatasetImages(source, { files, unusable, passedOver, pinned: source.images }, options),
    places: new Map(places),
    threads,
  };
}

/** With the model that it starts from, where that lies here. */
async function planOf({ config, dir, places }: TrainingWork): Promise<RunPlan> {
  const run = resolveRun({ ...config, out: dir, overwrite: false, allowOversize: true });
  if (run.from === null) return new RunPlan(run, null);
  const place = new Map(places).get(run.from.model);
  if (place === undefined) {
    throw new VqkitError("queue", `queue: expected the place of the model ${run.from.model}, got none.`);
  }
  return new RunPlan(run, await readSource({ ...run.from, model: place }));
}
