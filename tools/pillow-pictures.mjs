// Reads every file of a folder with decodeImage and with Pillow, and prints how the two agree.
// usage: npm run build && node tools/pillow-pictures.mjs FOLDER [PYTHON] [--all]
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { all: { type: "boolean", default: false } },
});
const [folder, python = "python3"] = positionals;
if (folder === undefined) {
  process.stderr.write("usage: node tools/pillow-pictures.mjs FOLDER [PYTHON] [--all]\n");
  process.exit(2);
}
const { decodeImage } = await import(pathToFileURL(join(root, "dist/src/index.js")).href);

/** Largest difference of a channel that counts as close: a rounding more or less. */
const CLOSE = 2;

/** Pillow in a process of its own, asked for one file after the other. */
class Pillow {
  #child = spawn(python, [join(root, "tools/pillow_pixels.py")], { stdio: ["pipe", "pipe", "inherit"] });
  #chunks = this.#child.stdout[Symbol.asyncIterator]();
  #rest = Buffer.alloc(0);

  async read(file) {
    this.#child.stdin.write(`${file}\n`);
    let end = this.#rest.indexOf(10);
    for (; end < 0; end = this.#rest.indexOf(10)) await this.#more();
    const head = JSON.parse(this.#rest.subarray(0, end).toString());
    this.#rest = this.#rest.subarray(end + 1);
    if (head.error !== undefined) return head;
    const bytes = head.height * head.width * 3;
    while (this.#rest.length < bytes) await this.#more();
    const pixels = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(bytes);
    return { ...head, pixels };
  }

  async #more() {
    const { value, done } = await this.#chunks.next();
    if (done) throw new Error(`${python}: expected an answer, got the end. Are Pillow and numpy there?`);
    this.#rest = Buffer.concat([this.#rest, value]);
  }

  end() {
    this.#child.stdin.end();
  }
}

async function readHere(file) {
  const notes = [];
  try {
    const image = await decodeImage(file, { onNote: ({ note }) => notes.push(note) });
    return { ...image, notes };
  } catch (error) {
    return { error: error.reason ?? error.message, notes };
  }
}

/** What became of one file. */
function compare(here, pillow) {
  if (here.error !== undefined && pillow.error !== undefined) return { outcome: "refused by both" };
  if (here.error !== undefined) return { outcome: "refused by vqkit", why: here.error };
  if (pillow.error !== undefined) return { outcome: "refused by Pillow", why: pillow.error };
  if (here.height !== pillow.height || here.width !== pillow.width) {
    return {
      outcome: "different",
      why: `${here.width}×${here.height} here, ${pillow.width}×${pillow.height} by Pillow`,
    };
  }
  let [largest, sum] = [0, 0];
  for (let i = 0; i < here.pixels.length; i++) {
    const difference = Math.abs(here.pixels[i] - pillow.pixels[i]);
    largest = Math.max(largest, difference);
    sum += difference;
  }
  if (largest <= CLOSE) return { outcome: largest === 0 ? "same" : "close" };
  const mean = (sum / here.pixels.length).toFixed(2);
  return { outcome: "different", why: `by at most ${largest}, ${mean} in the mean (${pillow.mode})` };
}

const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => resolve(entry.parentPath ?? entry.path, entry.name))
  .sort();
const OUTCOMES = ["same", "close", "different", "refused by vqkit", "refused by Pillow", "refused by both"];
const counts = new Map(OUTCOMES.map((outcome) => [outcome, 0]));
const told = [];
const pillow = new Pillow();
for (const file of files) {
  const [here, there] = [await readHere(file), await pillow.read(file)];
  const { outcome, why = "" } = compare(here, there);
  counts.set(outcome, counts.get(outcome) + 1);
  const format = there.format ?? "";
  const notes = here.notes.map((note) => ` [${note}]`).join("");
  if (values.all || outcome === "different" || outcome.startsWith("refused by v") || notes !== "") {
    told.push(`${outcome}\t${format}\t${relative(resolve(folder), file)}\t${why}${notes}`);
  }
}
pillow.end();
for (const line of told.sort()) console.log(line);
for (const [outcome, count] of counts) console.log(`${String(count).padStart(5)} ${outcome}`);
console.log(`${String(files.length).padStart(5)} files`);
