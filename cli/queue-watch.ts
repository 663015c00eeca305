import type { TaskState } from "../src/queue/index.js";
import { note, type Terminal } from "./terminal.js";

/** Without a worker for so long, the submitter says how to start one. */
const SECONDS_WITHOUT_WORKERS = 5;

/** Tells a submitter's terminal of the workers: how many there are, who is refused, and that there are none. */
export class QueueWatch {
  readonly #terminal: Terminal;
  readonly #quiet: boolean;
  readonly #refused = new Set<string>();
  readonly #began = performance.now();
  #alone = true;

  constructor(terminal: Terminal, { quiet }: { readonly quiet: boolean }) {
    this.#terminal = terminal;
    this.#quiet = quiet;
  }

  /**
   * @param pieces what they are called
   * @returns a few words for the line of progress
   */
  show({ done, failed, total, workers }: TaskState, pieces: string): string {
    for (const { id, host, pid, refused } of workers) {
      for (const [task, reason] of Object.entries(refused)) {
        if (this.#refused.has(`${id} ${task}`)) continue;
        this.#refused.add(`${id} ${task}`);
        this.#note(`worker ${pid} on ${host} takes no part: ${reason}`);
      }
    }
    if (workers.length > 0) this.#alone = false;
    if (this.#alone && performance.now() - this.#began >= 1000 * SECONDS_WITHOUT_WORKERS) {
      this.#alone = false;
      this.#note("No worker is there yet. On each machine, in the shared folder: vqkit worker --queue URL");
    }
    const failures = failed === 0 ? "" : `, ${failed} failed`;
    const working = workers.filter(({ task }) => task !== null).length;
    return `${done}/${total} ${pieces}${failures}, ${working} of ${workers.length} workers busy`;
  }

  #note(text: string): void {
    note(this.#terminal, text, { quiet: this.#quiet });
  }
}
