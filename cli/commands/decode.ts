import type { Command } from "commander";
import { loadQuantizerModules } from "../config-file.js";
import { engineOptions } from "../engine-options.js";
import { startProgress } from "../progress.js";
import { addModelFlags, type ModelFlags } from "../run-flags.js";
import { StagedFolder } from "../staged-folder.js";
import { print, printJson, type Terminal } from "../terminal.js";

interface Flags extends ModelFlags {
  readonly out: string;
  readonly overwrite?: boolean;
}

export function addDecode(program: Command, terminal: Terminal): void {
  const command = program
    .command("decode")
    .description("turn a folder of codes back into images")
    .argument("<model>", "run folder or model.safetensors that made the codes")
    .argument("<codes>", "folder that encode wrote")
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
  const { readCodeManifest, readCodes, Tokenizer } = await import("../../src/index.js");
  await loadQuantizerModules(flags.quantizerModule ?? []);
  const { images: total } = await readCodeManifest(codes);
  const tokenizer = await Tokenizer.load(modelPath, engineOptions(flags));
  const progress = startProgress(terminal, { label: "decoding", total, unit: "images", quiet });
  try {
    const folder = await StagedFolder.create(out, { overwrite });
    try {
      const names = new FileNames();
      for await (const batch of readCodes(codes)) {
        terminal.signal.throwIfAborted();
        for (const image of await tokenizer.decodeBatch(batch)) {
          await image
            .toSharp()
            .png()
            .toFile(await folder.place(names.next(image.name)));
        }
        progress.update(names.count);
      }
      terminal.signal.throwIfAborted();
      await folder.commit();
    } finally {
      await folder.discard();
    }
    progress.stop();
    if (json) printJson(terminal, { dir: out, images: total });
    else print(terminal, `${total} images. Written: ${out}`);
  } finally {
    progress.stop();
    tokenizer.dispose();
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
