import { execFileSync } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { PassThrough } from "node:stream";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { completionScript, shells } from "../../cli/completion.js";
import { buildProgram, run } from "../../cli/program.js";
import { temporaryFolder, vqkit } from "./harness.js";
import { modelAndPhotos } from "./model-and-photos.js";

/** A command line as someone types it who comes from another tool, and what the answer has to hold. */
type Habit = readonly [line: string, ...answer: readonly (string | RegExp)[]];

/** PHOTOS is a folder of images, MODEL a model, CODES a folder of codes, PHOTO one image. */
const WRONG: readonly Habit[] = [
  ["train PHOTOS --epochs 3", "--epochs", "--steps N"],
  ["compare PHOTOS --epochs 3", "--epochs", "--steps N"],
  ["train --data PHOTOS", "--data", "Remove the flag and leave its value"],
  ["encode MODEL --data PHOTOS --out codes", "--data", "Remove the flag and leave its value"],
  ["train PHOTOS --device gpu", "--device", 'Did you mean "webgpu"?'],
  ["encode MODEL PHOTOS --device gpu --out codes", "--device", 'Did you mean "webgpu"?'],
  ["train PHOTOS --gpu", "--gpu", "--device webgpu"],
  [
    "train PHOTOS --levels 8,5,5",
    "--levels",
    "expected fsp or fsq or residual-fsq, the only kinds with it",
    "Choose fsq (--quantizer)",
  ],
  ["train PHOTOS --quantizer vqvae", 'Unknown quantizer "vqvae"', 'Did you mean "vq"?'],
  ["train PHOTOS --quantizer lookup-free", 'Did you mean "lfq"?'],
  ["train PHOTOS --quantizer rvq", 'Did you mean "residual"?'],
  ["train PHOTOS --quantizer var", 'Did you mean "multi-scale"?'],
  ["train PHOTOS --quantizer gumbel", "gumbel-softmax"],
  ["train PHOTOS --quantizer ibq", "inner-product"],
  ["train PHOTOS --quantizer cosine", '"sphere"'],
  ["train PHOTOS --loss mse", 'Did you mean "l2"?'],
  [
    "decode CODES MODEL --out images",
    "expected the model first",
    /vqkit decode \S*MODEL \S*CODES --out images/,
  ],
  ["encode PHOTOS MODEL --out codes", "expected the model first", "vqkit encode"],
  ["encode PHOTO --out codes", "expected a model first", "got an image"],
  ["encode MODEL - PHOTOS --out codes", "-: expected no other images"],
  ["train --resume --steps 3", "--resume", "expected a run in runs/, found none"],
];

let places: Record<string, string>;

beforeAll(async () => {
  const { shared, photos, model } = await modelAndPhotos("fsq", 2);
  const codes = path.join(shared, "codes");
  const { code, stderr } = await vqkit(["encode", model, photos, "--out", codes]);
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  places = {
    PHOTOS: photos,
    MODEL: model,
    CODES: codes,
    PHOTO: path.join(photos, "image0.png"),
    SHARED: shared,
  };
});

/** The words of a line, with the places of this test for their names. */
function words(line: string): string[] {
  return line.split(" ").map((word) => places[word] ?? word);
}

/** What a person reads, with the names again for the places. */
function named(text: string): string {
  // The longest first: a folder's path begins that of its images.
  const known = Object.entries(places).sort(([, a], [, b]) => b.length - a.length);
  return known.reduce((all, [name, place]) => all.replaceAll(place, name), text);
}

async function inEmptyFolder<T>(body: (dir: string) => Promise<T>): Promise<T> {
  const before = process.cwd();
  const dir = await temporaryFolder();
  process.chdir(dir);
  try {
    return await body(dir);
  } finally {
    process.chdir(before);
  }
}

describe("what is meant is said, in one line", () => {
  test.each(WRONG.map(([line, ...answer]) => ({ line, answer })))("vqkit $line", async ({ line, answer }) => {
    await inEmptyFolder(async () => {
      const { code, stdout, stderr } = await vqkit(words(line));
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(/^error: [^\n]+\n$/);
      for (const part of answer) expect(holds(named(stderr), part), `${part} in ${stderr}`).toBe(true);
    });
  });
});

function holds(text: string, part: string | RegExp): boolean {
  return typeof part === "string" ? text.includes(part) : part.test(text);
}

const SMALL = [
  "--preset tiny --downsampling-factor 2 --set model.baseWidth=4 --set model.latentChannels=4",
  "--crop-size 16 --batch-size 2 --set evaluateUntrained=false --threads 1 --quantizer fsq",
].join(" ");

describe("flags of other tools do the same", () => {
  const SAME = [
    ["--lr 0.004", "learningRate", 0.004],
    ["--bs 3", "batchSize", 3],
    ["--iters 1", "steps", 1],
  ] as const;
  let config: Readonly<Record<string, unknown>>;

  beforeAll(async () => {
    const out = path.join(places.SHARED as string, "here");
    const flags = SAME.map(([flag]) => flag).join(" ");
    const small = SMALL.replace("--batch-size 2 ", "");
    const { code, stderr } = await vqkit(words(`train PHOTOS ${flags} ${small} -o ${out} --quiet`));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    ({ config } = JSON.parse(await readFile(path.join(out, "config.json"), "utf8")));
  });

  test.each(SAME)("vqkit train PHOTOS %s", (_, field, value) => {
    expect(config[field]).toBe(value);
  });

  test.each(["--batch", "--bs", "--lr", "--epochs", "--data", "--output"])(
    "train and compare know %s",
    (flag) => {
      const { commands } = buildProgram({} as never);
      for (const name of ["train", "compare"]) {
        const command = commands.find((each) => each.name() === name);
        expect(command?.options.map(({ long }) => long)).toContain(flag);
      }
    },
  );

  test("help does not list them", async () => {
    const { stdout } = await vqkit(["train", "--help"]);
    expect(stdout).toContain("--learning-rate");
    expect(stdout).not.toMatch(/--lr\b|--epochs|--bs\b/);
  });

  test("-v prints the version", async () => {
    expect(await vqkit(["-v"])).toEqual(await vqkit(["--version"]));
  });
});

describe("one image on standard input", () => {
  test("encode MODEL - gives the codes of the file", async () => {
    const out = await temporaryFolder();
    const stdin = new PassThrough();
    stdin.end(await readFile(places.PHOTO as string));
    const sink = { text: "" };
    const stream = () => {
      const made = new PassThrough();
      made.on("data", (part: Buffer) => {
        sink.text += part.toString();
      });
      return made;
    };
    const piped = path.join(out, "piped");
    const code = await run(["encode", places.MODEL as string, "-", "--out", piped, "--quiet"], {
      stdin,
      stdout: stream(),
      stderr: stream(),
      signal: new AbortController().signal,
    });
    expect({ code, said: code === 0 ? "" : sink.text }).toEqual({ code: 0, said: "" });
    const file = path.join(out, "file");
    await vqkit(["encode", places.MODEL as string, places.PHOTO as string, "--out", file, "--quiet"]);
    const npy = async (dir: string) => readFile(path.join(dir, (await npyName(dir)) as string));
    expect(await npy(piped)).toEqual(await npy(file));
  });
});

async function npyName(dir: string): Promise<string | undefined> {
  return (await readdir(dir)).find((name) => name.endsWith(".npy"));
}

describe("train --resume alone", () => {
  test("takes the newest run that has not finished, and says which", async () => {
    await inEmptyFolder(async (dir) => {
      const begin = (name: string, steps: number) =>
        vqkit(words(`train PHOTOS ${SMALL} --steps ${steps} --out runs/${name} --quiet`));
      expect((await begin("first", 1)).code).toBe(0);
      expect((await begin("second", 1)).code).toBe(0);
      const { code, stderr } = await vqkit(["train", "--resume", "--steps", "2"]);
      expect(stderr).toMatch(/^resume +runs\/second, the newest run$/m);
      expect({ code, dir: dir !== "" }).toEqual({ code: 0, dir: true });
    });
  });
});

describe("--dry-run", () => {
  test("train: parameters, memory, a step, all; nothing is written", async () => {
    await inEmptyFolder(async (dir) => {
      const { code, stdout } = await vqkit(words(`train PHOTOS ${SMALL} --steps 1000 --dry-run`));
      expect(code).toBe(0);
      expect(stdout).toMatch(/parameters/);
      expect(stdout).toMatch(/^memory +[\d,]+ MB at the peak, measured$/m);
      expect(stdout).toMatch(/^a step +[\d.e-]+ s, the median of \d+ measured steps$/m);
      expect(stdout).toMatch(/^in all +.+ for 1,?000 steps$/m);
      expect(await readdir(dir)).toEqual([]);
    });
  });

  test("compare: a line for each run", async () => {
    await inEmptyFolder(async (dir) => {
      const shape = SMALL.replace("--quantizer fsq", "--quantizers vq,fsq --codebook-size 16");
      const { code, stdout, stderr } = await vqkit(
        words(`compare PHOTOS ${shape} --steps 1000 --dry-run --json`),
      );
      expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
      const { runs, totalSeconds } = JSON.parse(stdout);
      expect(runs.map(({ quantizer }: { quantizer: string }) => quantizer)).toEqual(["vq", "fsq"]);
      expect(totalSeconds).toBeGreaterThan(0);
      expect(await readdir(dir)).toEqual([]);
    });
  });
});

describe("on a terminal", () => {
  /** What the program writes to streams that are terminals, or that are not. */
  async function written(args: readonly string[], isTTY: boolean): Promise<string> {
    let text = "";
    const stream = () => {
      const made = Object.assign(new PassThrough(), { isTTY });
      made.on("data", (part: Buffer) => {
        text += part.toString();
      });
      return made;
    };
    const signal = new AbortController().signal;
    await run(args, { stdout: stream(), stderr: stream(), signal });
    return text;
  }

  function environment(values: Readonly<Record<string, string>>): void {
    const before = { ...process.env };
    for (const name of ["NO_COLOR", "FORCE_COLOR", "TERM"]) delete process.env[name];
    Object.assign(process.env, values);
    onTestFinished(() => {
      for (const name of ["NO_COLOR", "FORCE_COLOR", "TERM"]) delete process.env[name];
      Object.assign(process.env, before);
    });
  }

  test.each([
    ["a terminal", {}, true, true],
    ["a terminal and NO_COLOR", { NO_COLOR: "1" }, true, false],
    ["a terminal and FORCE_COLOR=0", { FORCE_COLOR: "0" }, true, false],
    ["a terminal that is dumb", { TERM: "dumb" }, true, false],
    ["a pipe", {}, false, false],
    ["a pipe and FORCE_COLOR", { FORCE_COLOR: "1" }, false, true],
  ])("colours: %s", async (_, values, isTTY, expected) => {
    environment(values as Record<string, string>);
    const colour = "\u001b[";
    expect((await written(["train", "--stpes"], isTTY)).includes(colour)).toBe(expected);
    expect((await written(["--help"], isTTY)).includes(colour)).toBe(expected);
  });

  test("the program's name alone shows three commands to try", async () => {
    environment({});
    const text = await written([], true);
    const commands = [...text.matchAll(/^ {2}vqkit (\w+)/gm)].map(([, name]) => name);
    expect(commands).toEqual(["train", "encode", "try"]);
    const known = buildProgram({} as never).commands.map((command) => command.name());
    expect(known).toEqual(expect.arrayContaining(commands));
  });
});

describe("completion", () => {
  test.each(shells)("%s: every command and every flag that help lists", (shell) => {
    const program = buildProgram({} as never);
    const script = completionScript(program, shell);
    for (const command of program.commands) {
      expect(script).toContain(command.name());
      for (const { long, hidden } of command.options) {
        if (long && !hidden) expect(script).toContain(shell === "fish" ? long.slice(2) : long);
      }
    }
    expect(script).not.toContain("--epochs");
  });

  test("bash completes a command and a flag", async () => {
    const dir = await temporaryFolder();
    const script = path.join(dir, "completion.bash");
    const { stdout } = await vqkit(["completion", "bash"]);
    await writeFile(script, stdout);
    const completed = (line: string, at: number) =>
      execFileSync("bash", [
        "-c",
        `source ${script}; COMP_WORDS=(${line}); COMP_CWORD=${at}; _vqkit; echo "\${COMPREPLY[*]}"`,
      ])
        .toString()
        .trim();
    expect(completed("vqkit qua", 1)).toBe("quantizers");
    expect(completed("vqkit train --codebook-s", 2)).toBe("--codebook-size");
  });
});
