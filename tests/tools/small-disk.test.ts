/** A real file system that is full: a small tmpfs, in a mount namespace of its own, which takes no root rights. */
import { execFile, spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryFolder, writeImages } from "../cli/harness.js";
import { timeless } from "../training/tiny-runs.js";

const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const NAMESPACE = ["--user", "--map-root-user", "--mount", "sh", "-c"];
const canMount =
  spawnSync("unshare", [...NAMESPACE, "mount -t tmpfs -o size=64k none /mnt"]).status === 0 &&
  process.platform === "linux";

/** Trains, on a disk that is too small; what is there then; goes on after it has grown; keeps what came of it. */
const SCRIPT = `
mount -t tmpfs -o size=$SIZE none "$DISK" || exit 9
"$NODE" "$PROGRAM" train "$IMAGES" $FLAGS --out "$DISK/run" --quiet; echo "exit $?"
find "$DISK" -name '.*'
mount -o remount,size=64m "$DISK" || exit 9
"$NODE" "$PROGRAM" train --resume "$DISK/run" --quiet --json > /dev/null; echo "exit $?"
cp -r "$DISK/run" "$KEPT"
`;
const FLAGS = [
  ..."--preset tiny --downsampling-factor 2 --set model.baseWidth=8 --set model.latentChannels=8".split(" "),
  ..."--quantizer vq --codebook-size 12 --code-dim 4 --crop-size 16 --batch-size 2 --held-out 0.3".split(" "),
  ..."--steps 9 --checkpoint-every 2 --set evaluateEvery=3 --set logEvery=1 --threads 1 --seed 5".split(" "),
];

/** Runs the script; `disk` is the folder that the small file system hides while it runs. */
async function inNamespace(
  script: string,
  env: Record<string, string>,
): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)("unshare", [...NAMESPACE, script], {
    env: { ...process.env, NODE: process.execPath, PROGRAM: program, FLAGS: FLAGS.join(" "), ...env },
  });
}

/** A folder with images, and an empty one that a small file system may hide. */
async function folders(): Promise<{ folder: string; images: string; disk: string }> {
  const folder = await temporaryFolder();
  const [images, disk] = [path.join(folder, "images"), path.join(folder, "disk")];
  await mkdir(images);
  await mkdir(disk);
  await writeImages(images, 5);
  return { folder, images, disk };
}

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
