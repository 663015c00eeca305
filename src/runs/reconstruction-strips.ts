import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileError, makeFolder, namesIn, writeFileAtomic } from "../files/index.js";

/** A picture of the same few images as the model of one step reconstructs them. */
export interface ReconstructionStrip {
  readonly step: number;
  /** A PNG file. */
  readonly path: string;
}

const ORIGINALS = "originals.png";
const NAME = /^step-(\d{8,16})\.png$/;

/**
 * Pictures of how a few images are reconstructed over training: `originals.png`, one row of images, and the same
 * row out of the model in `step-00000400.png` and so on.
 */
export class ReconstructionStrips {
  readonly dir: string;

  /** Touches nothing: `write` makes the folder. */
  constructor(dir: string) {
    this.dir = dir;
  }

  /** The picture of the images themselves; it is there before the first strip. */
  get originals(): string {
    return join(this.dir, ORIGINALS);
  }

  /** Writes the picture of the images themselves. @throws VqkitError("file") */
  async writeOriginals(png: Uint8Array): Promise<void> {
    await this.#write(this.originals, png);
  }

  /** Writes the picture of one step. @throws VqkitError("file") */
  async write(step: number, png: Uint8Array): Promise<void> {
    await this.#write(join(this.dir, fileName(step)), png);
  }

  /** The pictures of steps, the earliest first. @throws VqkitError("file") */
  async list(): Promise<ReconstructionStrip[]> {
    const strips = (await namesIn(this.dir)).flatMap((name) => {
      const step = Number(NAME.exec(name)?.[1]);
      return fileName(step) === name ? [{ step, path: join(this.dir, name) }] : [];
    });
    return strips.sort((a, b) => a.step - b.step);
  }

  /** Removes the pictures of later steps, for a run that resumes from `step`. @throws VqkitError("file") */
  async removeAfter(step: number): Promise<void> {
    for (const strip of await this.list()) {
      if (strip.step <= step) continue;
      await rm(strip.path, { force: true }).catch((error: unknown) => {
        throw fileError(strip.path, "remove", error);
      });
    }
  }

  async #write(path: string, png: Uint8Array): Promise<void> {
    await makeFolder(this.dir);
    await writeFileAtomic(path, png);
  }
}

function fileName(step: number): string {
  return `step-${String(step).padStart(8, "0")}.png`;
}
