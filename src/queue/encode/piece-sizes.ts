import type { TaskState } from "../task-state.js";
import type { PlanReader } from "./plan.js";

/** How many images pieces have: known, learnt when they are joined, or estimated by the others. */
export class PieceSizes {
  readonly #sizes: (number | undefined)[];
  #joined = 0;
  #joinedImages = 0;

  private constructor(sizes: (number | undefined)[]) {
    this.#sizes = sizes;
  }

  static async of(plan: PlanReader): Promise<PieceSizes> {
    const sizes: (number | undefined)[] = [];
    for await (const images of plan.images()) sizes.push(images);
    return new PieceSizes(sizes);
  }

  joined(piece: number, images: number): void {
    this.#sizes[piece] = images;
    this.#joined++;
    this.#joinedImages += images;
  }

  progress({ done, workers }: TaskState, task: string): { images: number; imagesTotal: number | undefined } {
    const known = this.#sizes.filter((size) => size !== undefined);
    const sum = known.reduce((total, size) => total + size, 0);
    const mean = known.length === 0 ? 0 : sum / known.length;
    const underWay = workers.reduce((total, each) => total + (each.task === task ? each.items : 0), 0);
    const total =
      known.length === 0 ? undefined : Math.round(sum + mean * (this.#sizes.length - known.length));
    const images = Math.round(this.#joinedImages + mean * Math.max(0, done - this.#joined)) + underWay;
    return { images: Math.min(images, total ?? images), imagesTotal: total };
  }
}
