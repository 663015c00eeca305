import path from "node:path";
import { ConfigError, VqkitError } from "../core/errors.js";

/** Where vqkit keeps what is under way, in the shared folder. */
export const QUEUE_FOLDER = ".vqkit-queue";

/**
 * The folder that all machines see, perhaps each under another path. What stands in Redis or in a plan names files from
 * there, with "/" between folders; nothing leads out of it.
 */
export class SharedFolder {
  /** Absolute. */
  readonly root: string;

  constructor(root: string) {
    this.root = path.resolve(root);
  }

  /**
   * A path of this machine as the others call it.
   *
   * @throws ConfigError at `shared` for one outside
   */
  nameOf(file: string): string {
    const name = this.nameWithin(file);
    if (name !== undefined) return name;
    throw new ConfigError(
      "shared",
      `expected a folder that holds ${file}, which the other machines need too, got ${this.root}. Give the folder that all machines share.`,
    );
  }

  /** As `nameOf`; undefined for a path outside. */
  nameWithin(file: string): string | undefined {
    const name = path.relative(this.root, path.resolve(file)).split(path.sep).join("/");
    return isInside(name) ? name : undefined;
  }

  /** The path of a name on this machine. @throws VqkitError("queue") for one that leads out */
  pathOf(name: string): string {
    if (isInside(name)) return path.join(this.root, ...name.split("/"));
    throw new VqkitError(
      "queue",
      `queue: expected a name within the shared folder, got ${JSON.stringify(name.slice(0, 200))}.`,
    );
  }
}

function isInside(name: string): boolean {
  const parts = name.split(/[\\/]/);
  return (
    name !== "" &&
    !name.includes("\0") &&
    !parts.includes("..") &&
    !path.isAbsolute(name) &&
    !/^[A-Za-z]:/.test(name)
  );
}
