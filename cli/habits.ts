import { type Command, Option } from "commander";
import { UsageError } from "./errors.js";

/** Flags that other tools have for what one of ours does: they do the same, and help does not list them. */
const SAME: Readonly<Record<string, readonly string[]>> = {
  "--learning-rate": ["--lr"],
  "--batch-size": ["--batch", "--bs"],
  "--steps": ["--iterations", "--iters", "--max-steps"],
  "--out": ["--output", "--output-dir"],
  "--codebook-size": ["--num-codes", "--num-embeddings"],
  "--code-dim": ["--embedding-dim"],
  "--crop-size": ["--image-size"],
};

/** A flag of other tools that none of ours is the same as. */
interface Answered {
  readonly flags: readonly string[];
  /** Whether a command has what the answer names. */
  readonly concerns: (command: Command) => boolean;
  /** What to do instead, in one sentence or two. */
  readonly answer: string;
}

const ANSWERED: readonly Answered[] = [
  {
    flags: ["--epochs"],
    concerns: (command) => has(command, "--steps"),
    answer:
      "training is counted in steps of one batch each. Give --steps N; an epoch is the number of images divided by --batch-size.",
  },
  {
    flags: ["--data", "--dataset", "--data-dir", "--input"],
    concerns: (command) => command.registeredArguments.some((argument) => argument.name() === "images"),
    answer: "images stand by themselves. Remove the flag and leave its value: a folder, a pattern or files.",
  },
  {
    flags: ["--gpu"],
    concerns: (command) => has(command, "--device"),
    answer: "the device is named. Give --device webgpu for any GPU, or --device cuda for one of NVIDIA's.",
  },
  {
    flags: ["--model"],
    concerns: (command) => has(command, "--preset"),
    answer:
      "an autoencoder's size is --preset NAME (tiny, small, base, vqgan and others); a model to start from is --from RUN, its quantizer --quantizer KIND.",
  },
];

/** Makes a program, with all of its commands, understand the flags that people know from other tools. */
export function addHabits(program: Command): void {
  for (const command of program.commands) {
    for (const [ours, theirs] of Object.entries(SAME)) {
      const option = command.options.find(({ long }) => long === ours);
      if (option === undefined) continue;
      for (const flag of theirs) if (!has(command, flag)) command.addOption(new SameOption(flag, option));
    }
    for (const { flags, concerns, answer } of ANSWERED) {
      for (const flag of concerns(command) ? flags : []) {
        if (!has(command, flag)) addAnswered(command, flag, answer);
      }
    }
    addHabits(command);
  }
}

/** Another name of an option: its values go where that one's go. */
class SameOption extends Option {
  readonly #name: string;

  constructor(flag: string, of: Option) {
    super(of.flags.replace(/^(?:-\w, )?--[\w-]+/, flag));
    this.#name = of.attributeName();
    if (of.parseArg !== undefined) this.argParser(of.parseArg);
    this.hideHelp();
  }

  override attributeName(): string {
    return this.#name;
  }
}

function addAnswered(command: Command, flag: string, answer: string): void {
  const option = new Option(`${flag} [value]`).hideHelp();
  command.addOption(option);
  command.on(`option:${option.name()}`, () => {
    throw new UsageError(`${flag}: ${answer}`);
  });
}

function has(command: Command, flag: string): boolean {
  return command.options.some(({ long }) => long === flag);
}
