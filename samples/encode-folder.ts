/**
 * Turns a folder of images into integers with a trained tokenizer, says which codes they use, and brings one back.
 *
 *     npm run build && node dist/samples/encode-folder.js runs/mine samples/photos runs/mine-codes
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { countCodes, messageOf, readCodes, sliceCodes, Tokenizer, usageReport, writeCodes } from "vqkit";
import { renderUsageText } from "vqkit/reports";

export interface EncodeFolderOptions {
  /** A run folder, or a model file. */
  readonly model: string;
  readonly images: string;
  /** The folder to write: codes, and one image that was decoded from them. */
  readonly out: string;
  readonly print?: (line: string) => void;
}

export async function main(options: EncodeFolderOptions): Promise<void> {
  const { model, images, out, print = console.log } = options;
  const tokenizer = await Tokenizer.load(model);
  try {
    // Images stream through: however many there are, only a few are in memory.
    const codes = tokenizer.encodeAll(images, {
      onBroken: ({ file, reason }) => print(`skipped ${file}: ${reason}`),
    });
    const manifest = await writeCodes(out, codes);
    for (const { entries: count, gridHeight, gridWidth } of manifest.grids) {
      print(`indices [${count}, ${gridHeight}, ${gridWidth}, ${manifest.numCodebooks}]`);
    }
    print(renderUsageText(usageReport(await countCodes(out), { name: images, scope: "all images" })));

    for await (const batch of readCodes(out)) {
      const first = sliceCodes(batch, 0, 1);
      print(`${first.images[0]?.name} begins with ${first.indices.slice(0, 8).join(" ")} …`);
      const decoded = await tokenizer.decode(first);
      const picture = path.join(out, "first.png");
      await decoded.toSharp().toFile(picture);
      print(`decoded to ${picture}, ${decoded.width}×${decoded.height} pixels`);
      break;
    }
  } finally {
    tokenizer.dispose();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [model = "runs/mine", images = "samples/photos", out = "runs/mine-codes"] = process.argv.slice(2);
  await main({ model, images, out }).catch((error: unknown) => {
    console.error(messageOf(error));
    process.exitCode = 1;
  });
}
