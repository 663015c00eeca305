import { createHash } from "node:crypto";
import { basename } from "node:path";
import { withReader } from "../files/index.js";
import type { OriginalFile } from "../runs/index.js";

const PIECE = 2 ** 24;

/** A file's fingerprint, read piece by piece. @throws VqkitError("file") */
export async function originalFile(path: string): Promise<OriginalFile> {
  return withReader(path, async (reader) => {
    const hash = createHash("sha256");
    for (let at = 0; at < reader.size; at += PIECE) {
      hash.update(await reader.read(at, Math.min(PIECE, reader.size - at)));
    }
    return { name: basename(path), bytes: reader.size, sha256: hash.digest("hex") };
  });
}
