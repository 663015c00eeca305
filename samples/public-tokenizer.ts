/**
 * Takes a tokenizer that others published, turns an image into its codes, and brings it back.
 *
 *     npm run build && node dist/samples/public-tokenizer.js vq_ds16_c2i.pt samples/photos/chelsea.jpg runs/public
 *
 * docs/tokenizers.md says which there are and where their weights come from.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { importTokenizer, messageOf, Tokenizer } from "vqkit";

export interface PublicTokenizerOptions {
  /** The published weights: a file, or a folder with its configuration. */
  readonly source: string;
  readonly image: string;
  /** The folder to write: the imported model, and the image as it was decoded. */
  readonly out: string;
  readonly print?: (line: string) => void;
}

export async function main(options: PublicTokenizerOptions): Promise<void> {
  const { source, image, out, print = console.log } = options;
  const model = path.join(out, "model");
  if (!existsSync(model)) {
    const { title, original } = await importTokenizer(source, { out: model });
    print(`${title}, from ${original.files.map(({ name, sha256 }) => `${name} (${sha256.slice(0, 12)}…)`)}`);
  }
  const tokenizer = await Tokenizer.load(model);
  try {
    const codes = await tokenizer.encode(image);
    const [, height, width] = codes.shape;
    print(`${height}×${width} codes of ${tokenizer.codebookSize}: ${codes.indices.slice(0, 8).join(" ")} …`);
    const decoded = await tokenizer.decode(codes);
    const picture = path.join(out, "decoded.png");
    await decoded.toSharp().toFile(picture);
    print(`decoded to ${picture}, ${decoded.width}×${decoded.height} pixels`);
  } finally {
    tokenizer.dispose();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [source = "vq_ds16_c2i.pt", image = "samples/photos/chelsea.jpg", out = "runs/public"] =
    process.argv.slice(2);
  await main({ source, image, out }).catch((error: unknown) => {
    console.error(messageOf(error));
    process.exitCode = 1;
  });
}
