import { execFile } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { timeless } from "../training/tiny-runs.js";
import { canMount, FLAGS, folders, inNamespace, program } from "./small-disk.js";

/** Trains, on a disk that is too small; what is there then; goes on after it has grown; keeps what came of it. */
const SCRIPT = `
mount -t tmpfs -o size=$SIZE none "$DISK" || exit 9
"$NODE" "$PROGRAM" train "$IMAGES" $FLAGS --out "$DISK/run" --quiet; echo "exit $?"
find "$DISK" -name '.*'
mount -o remount,size=64m "$DISK" || exit 9
"$NODE" "$PROGRAM" train --resume "$DISK/run" --quiet --json > /dev/null; echo "exit $?"
cp -r "$DISK/run" "$KEPT"
`;

/** Bytes of the files that training itself writes. */
async function sizeOf(dir: string): Promise<number> {
  const names = (await readdir(dir, { recursive: true })).filter((name) => name !== "report.html");
  const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(dir, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

test.skipIf(!canMount)(
  "a disk that fills up during training is told in one line; with more space the run ends as it would have",
  async () => {
    const { folder, images, disk } = await folders();
    const whole = path.join(folder, "whole");
    await promisify(execFile)(process.execPath, [
      program,
      "train",
      images,
      ...FLAGS,
      "--out",
      whole,
      "--quiet",
    ]);
    const size = await sizeOf(whole);
    // Room for one checkpoint, which is nearly two fifths of it; for two of them, not for the third beside them.
    for (const part of [0.5, 0.9]) {
      const kept = path.join(folder, `kept-${part}`);
      const { stdout, stderr } = await inNamespace(SCRIPT, {
        SIZE: String(Math.floor(size * part)),
        DISK: disk,
        IMAGES: images,
        KEPT: kept,
      });
      expect(stdout).toBe("exit 1\nexit 0\n"); // and no file in progress between the two
      expect(stderr).toMatch(
        /^error: [^\n]+ \(ENOSPC: no space left on device\)\. Free some space there\.\n$/,
      );
      expect(await timeless(kept)).toBe(await timeless(whole));
      expect(await readFile(path.join(kept, "model.safetensors"))).toEqual(
        await readFile(path.join(whole, "model.safetensors")),
      );
    }
  },
  180_000,
);

test.skipIf(!canMount)(
  "a full disk for temporary files is not used: each file is made where it stays",
  async () => {
    const { folder, images, disk } = await folders();
    const out = path.join(folder, "out");
    const script = `
mount -t tmpfs -o size=4k none "$DISK" && head -c 4096 /dev/zero > "$DISK/full" || exit 9
export TMPDIR="$DISK"
"$NODE" "$PROGRAM" train "$IMAGES" $FLAGS --out "$OUT" --quiet --json > /dev/null; echo "exit $?"
"$NODE" "$PROGRAM" encode "$OUT" "$IMAGES" --size 24 --out "$OUT/codes" --quiet --json > /dev/null; echo "exit $?"
`;
    const { stdout, stderr } = await inNamespace(script, { DISK: disk, IMAGES: images, OUT: out });
    expect({ stdout, stderr }).toEqual({ stdout: "exit 0\nexit 0\n", stderr: "" });
  },
);
