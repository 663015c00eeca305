/** A real file system that is full: a small tmpfs, in a mount namespace of its own, which takes no root rights. */
import { execFile, spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { temporaryFolder, writeImages } from "../cli/harness.js";

export const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const NAMESPACE = ["--user", "--map-root-user", "--mount", "sh", "-c"];
export const canMount =
  spawnSync("unshare", [...NAMESPACE, "mount -t tmpfs -o size=64k none /mnt"]).status === 0 &&
  process.platform === "linux";

/** A tiny training. */
export const FLAGS = [
  ..."--preset tiny --downsampling-factor 2 --set model.baseWidth=8 --set model.latentChannels=8".split(" "),
  ..."--quantizer vq --codebook-size 12 --code-dim 4 --crop-size 16 --batch-size 2 --held-out 0.3".split(" "),
  ..."--steps 9 --checkpoint-every 2 --set evaluateEvery=3 --set logEvery=1 --threads 1 --seed 5".split(" "),
];

/** Runs the script; `disk` is the folder that the small file system hides while it runs. */
export async function inNamespace(
  script: string,
  env: Record<string, string>,
): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)("unshare", [...NAMESPACE, script], {
    env: { ...process.env, NODE: process.execPath, PROGRAM: program, FLAGS: FLAGS.join(" "), ...env },
  });
}

/** A folder with images, and an empty one that a small file system may hide. */
export async function folders(): Promise<{ folder: string; images: string; disk: string }> {
  const folder = await temporaryFolder();
  const [images, disk] = [path.join(folder, "images"), path.join(folder, "disk")];
  await mkdir(images);
  await mkdir(disk);
  await writeImages(images, 5);
  return { folder, images, disk };
}
