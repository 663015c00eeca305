import type { Command } from "commander";
import type { Codes, WrittenImages } from "../../src/tokenizer/index.js";
import { loadQuantizerModules } from "../config-file.js";
import { many } from "../count-text.js";
import { addModelFlags, type ModelFlags, requireFlag } from "../declare-flags.js";
import { engineOptions } from "../engine-options.js";
import { Failed } from "../errors.js";
import { namingFlags } from "../gather-config.js";
import { checkModelFirst } from "../model-argument.js";
import { type Progress, startProgress } from "../progress.js";
import type { FlagField } from "../run-flags.js";
import { note, print, printJson, type Terminal } from "../terminal.js";

interface Flags extends ModelFlags {
  readonly out: string;
  readonly overwrite?: boolean;
}

const FIELDS: readonly FlagField[] = [{ flag: "--out <dir>", field: "out" }];

export function addDecode(program: Command, terminal: Terminal): void {
  const command = program
    .command("decode")
    .description("turn codes back into images")
    .argument("<model>", "run folder or model.safetensors that made the codes")
    .argument("<codes>", "folder that encode wrote, in any format; or a .vqc or .parquet file of it")
    .option("-o, --out <dir>", "folder for the images, as PNG under their own names (required)")
    .option("--overwrite", "replace images of the same names in that folder");
  addModelFlags(command);
  command.action((model: string, codes: string, flags: Partial<Flags>) =>
    namingFlags(flags, FIELDS, async () => {
      await checkModelFirst([model, codes], { verb: "decode", rest: "CODES", needs: " --out images" });
      const out = requireFlag(flags.out, ["--out <dir>", "the folder for the images"]);
      await decode(terminal, model, { codes, ...flags, out });
    }),
  );
}

async function decode(
  terminal: Terminal,
  modelPath: string,
  {
    codes,
    out,
    overwrite = false,
    quiet = false,
    json = false,
    ...flags
  }: Flags & { readonly codes: string },
): Promise<void> {
  const { openCodes, Tokenizer, writeImages } = await import("../../src/tokenizer/index.js");
  await loadQuantizerModules(flags.quantizerModule ?? []);
  const reader = await openCodes(codes);
  const tokenizer = await Tokenizer.load(modelPath, engineOptions(flags));
  const { entries: total, settings } = reader.manifest;
  const unit = settings.policy === "tile" ? "tiles" : settings.views === undefined ? "images" : "views";
  const progress = startProgress(terminal, { label: "decoding", total, unit, quiet });
  const { signal } = terminal;
  try {
    const images = tokenizer.decodeImages(watch(reader.read(), { progress, signal }));
    const written = await writeImages(out, interruptible(images, signal), { overwrite });
    progress.stop();
    if (json) printJson(terminal, { dir: out, ...written });
    else print(terminal, `${many(written.images, "image")}. Written: ${out}`);
    reportUnwritten(terminal, out, written);
  } finally {
    progress.stop();
    tokenizer.dispose();
  }
}

/** Beyond this many, images that could not be written are counted on the terminal, and named in JSON only. */
const NAMED_AT_MOST = 100;

/** Names the images that are missing. @throws Failed when there are any */
function reportUnwritten(terminal: Terminal, out: string, { images, unwritten }: WrittenImages): void {
  if (unwritten.length === 0) return;
  for (const { file, reason } of unwritten.slice(0, NAMED_AT_MOST)) {
    note(terminal, `not written: ${file}: ${reason}`);
  }
  const rest =
    unwritten.length > NAMED_AT_MOST
      ? ` The first ${NAMED_AT_MOST} are named above, all of them by --json.`
      : "";
  throw new Failed(
    `${many(unwritten.length, "image")} of ${images + unwritten.length} could not be written under the name that the codes give; the others are in ${out}.${rest}`,
  );
}

/** Ends with the reason of the signal, behind the last image too: what is complete is not put into place then. */
async function* interruptible<T>(
  values: AsyncIterable<T>,
  signal: Terminal["signal"],
): AsyncGenerator<T, void, undefined> {
  for await (const value of values) {
    signal.throwIfAborted();
    yield value;
  }
  signal.throwIfAborted();
}

/** Passes codes on and shows how far they are. Large images come in tiles, each of which counts. */
async function* watch(
  codes: AsyncIterable<Codes>,
  { progress, signal }: { readonly progress: Progress; readonly signal: Terminal["signal"] },
): AsyncGenerator<Codes, void, undefined> {
  let done = 0;
  for await (const batch of codes) {
    signal.throwIfAborted();
    yield batch;
    done += batch.images.length;
    progress.update(done);
  }
}
