import type { Command } from "commander";
import type { Codes } from "../../src/index.js";
import { loadQuantizerModules } from "../config-file.js";
import { many } from "../count-text.js";
import { addModelFlags, type ModelFlags } from "../declare-flags.js";
import { engineOptions } from "../engine-options.js";
import { type Progress, startProgress } from "../progress.js";
import { StagedFolder } from "../staged-folder.js";
import { print, printJson, type Terminal } from "../terminal.js";

interface Flags extends ModelFlags {
  readonly out: string;
  readonly overwrite?: boolean;
}

export function addDecode(program: Command, terminal: Terminal): void {
  const command = program
    .command("decode")
    .description("turn codes back into images")
    .argument("<model>", "run folder or model.safetensors that made the codes")
    .argument("<codes>", "folder that encode wrote, in any format; or a .vqc or .parquet file of it")
    .requiredOption("--out <dir>", "folder for the images, as PNG under their own names")
    .option("--overwrite", "replace images of the same names in that folder");
  addModelFlags(command);
  command.action((model: string, codes: string, flags: Flags) =>
    decode(terminal, model, { codes, ...flags }),
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
  const { openCodes, Tokenizer } = await import("../../src/index.js");
  await loadQuantizerModules(flags.quantizerModule ?? []);
  const reader = await openCodes(codes);
  const tokenizer = await Tokenizer.load(modelPath, engineOptions(flags));
  const { entries: total, settings } = reader.manifest;
  const unit = settings.policy === "tile" ? "tiles" : "images";
  const progress = startProgress(terminal, { label: "decoding", total, unit, quiet });
  let count = 0;
  try {
    const folder = await StagedFolder.create(out, { overwrite });
    try {
      const names = new FileNames();
      const watched = watch(reader.read(), { progress, signal: terminal.signal });
      for await (const image of tokenizer.decodeImages(watched)) {
        terminal.signal.throwIfAborted();
        await image
          .toSharp()
          .png()
          .toFile(await folder.place(names.next(image.name)));
      }
      terminal.signal.throwIfAborted();
      count = names.count;
      await folder.commit();
    } finally {
      await folder.discard();
    }
    progress.stop();
    if (json) printJson(terminal, { dir: out, images: count });
    else print(terminal, `${many(count, "image")}. Written: ${out}`);
  } finally {
    progress.stop();
    tokenizer.dispose();
  }
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

/** `cat.jpg` → `cat.png`; when that is taken (by `cat.webp`, say), `cat-2.png`. */
class FileNames {
  readonly #taken = new Set<string>();

  get count(): number {
    return this.#taken.size;
  }

  next(name: string): string {
    const stem = name.replace(/\.[^./\\]+$/, "");
    let file = `${stem}.png`;
    for (let i = 2; this.#taken.has(file.toLowerCase()); i++) file = `${stem}-${i}.png`;
    // Some file systems do not tell upper from lower case.
    this.#taken.add(file.toLowerCase());
    return file;
  }
}
