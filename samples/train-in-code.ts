/**
 * Trains a tokenizer in code, then asks what it learnt.
 *
 *     npm run build && node dist/samples/train-in-code.js samples/photos runs/mine
 *
 * Ctrl-C ends training between two steps; the run folder then holds the metrics and a checkpoint.
 */
import { fileURLToPath } from "node:url";
import { messageOf, type RunOptions, Trainer, type TrainingResult } from "vqkit";

export interface TrainInCodeOptions {
  readonly images: string;
  /** The run folder to write. */
  readonly out: string;
  /** Whatever else is to differ from the defaults. */
  readonly run?: Partial<RunOptions>;
  readonly signal?: AbortSignal;
  readonly print?: (line: string) => void;
}

export async function main(options: TrainInCodeOptions): Promise<TrainingResult> {
  const { images, out, run = {}, signal, print = console.log } = options;
  const trainer = await Trainer.create(
    {
      model: { preset: "tiny" },
      quantizer: { kind: "fsq", levels: [8, 6, 5] },
      data: images,
      out,
      seed: 0,
      steps: 200,
      learningRate: 2e-3,
      ...run,
    },
    { onBroken: ({ file, reason }) => print(`skipped ${file}: ${reason}`) },
  );
  try {
    const { model, quantizer, trainFiles, evaluationFiles } = trainer.describe();
    print(
      `${quantizer.kind}, ${quantizer.codebookSize} codes; ${model.parameters} parameters in the networks`,
    );
    print(`${trainFiles} files to train on, ${evaluationFiles} to evaluate on`);

    for await (const metrics of trainer.run(signal === undefined ? {} : { signal })) {
      if (metrics.step % 20 !== 0) continue;
      const { step, reconstructionLoss, usage, samplesWindow, imagesPerSecond } = metrics;
      print(
        `step ${step}: loss ${reconstructionLoss.toFixed(4)}, ` +
          `usage ${(100 * usage).toFixed(1)} % in ${samplesWindow} indices, ${imagesPerSecond.toFixed(0)} images/s`,
      );
    }
    const { result } = trainer; // there is one: the loop came to its end
    if (result === null) throw new Error("training has not finished");
    const { psnr } = result.evaluation.figures;
    print(`PSNR ${decibels(psnr)}; of each image's mean colour ${decibels(result.meanColour.psnr)}`);
    return result;
  } finally {
    trainer.dispose();
  }
}

function decibels(psnr: number | null): string {
  return psnr === null ? "without bound" : `${psnr.toFixed(2)} dB`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [images = "samples/photos", out = "runs/mine"] = process.argv.slice(2);
  const interruption = new AbortController();
  process.once("SIGINT", () => interruption.abort(new Error("interrupted")));
  await main({ images, out, signal: interruption.signal }).catch((error: unknown) => {
    console.error(messageOf(error));
    process.exitCode = 1;
  });
}
