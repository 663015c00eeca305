import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, expect, it } from "vitest";
import { main } from "../../samples/public-tokenizer.js";
import { useEngine } from "../engine.js";
import { writeSource } from "../import/fixtures.js";
import { temporaryFolder } from "../runs/temporary-folder.js";

beforeAll(useEngine);

it("public-tokenizer imports, encodes and decodes", async () => {
  const folder = await temporaryFolder();
  const source = await writeSource(join(folder, "source"), "llamagen-vq8");
  const image = join(folder, "image.png");
  await sharp({ create: { width: 24, height: 16, channels: 3, background: "#804020" } })
    .png()
    .toFile(image);
  const lines: string[] = [];
  const options = { source, image, out: folder, print: (line: string) => lines.push(line) };
  await main(options);
  expect(lines[0]).toMatch(/^LlamaGen's VQ .*, from model\.safetensors \([0-9a-f]{12}…\)$/);
  expect(lines[1]).toMatch(/^4×6 codes of 256: \d+/); // 16/4 and 24/4
  expect(await sharp(join(folder, "decoded.png")).metadata()).toMatchObject({ width: 24, height: 16 });
  await main(options); // the second time, what was imported is used
  expect(lines[3]).toBe(lines[1]);
});
