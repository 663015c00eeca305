/** Training from 40 shards: as from the folder; and killed three times, from compressed shards through a shuffle buffer. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, expect, it } from "vitest";
import { Trainer } from "../../src/training/index.js";
import { startProgram } from "../cli/harness.js";
import { SMALL, stepsOf } from "../cli/resumed-program.js";
import { imageParquet, tarBytes } from "../data/sources/shards.js";
import { useEngine } from "../engine.js";
import { outcome, resumeRun, startTo } from "./resumed-runs.js";
import { temporaryFolder, timeless, tinyRun, train, writeImages } from "./tiny-runs.js";

const SHARDS = 40;
const root = await temporaryFolder();
const at = (...names: string[]) => path.join(root, ...names);

beforeAll(async () => {
  await useEngine();
  for (const folder of ["files", "plain", "gzip", "tables"]) await mkdir(at(folder));
  await writeImages(at("files"), 97);
  const names = (await readdir(at("files"))).sort();
  const images = await Promise.all(
    names.map(async (name) => [name, await readFile(at("files", name))] as const),
  );
  for (let s = 0; s < SHARDS; s++) {
    const own = images.slice(Math.floor((s * 97) / SHARDS), Math.floor(((s + 1) * 97) / SHARDS));
    const bytes = await tarBytes(own);
    const name = String(s).padStart(2, "0");
    await writeFile(at("plain", `${name}.tar`), bytes);
    await writeFile(at("gzip", `${name}.tar.gz`), gzipSync(bytes));
    await writeFile(at("tables", `${name}.parquet`), imageParquet(own.map(([, image]) => image)));
  }
});

it("ends in the bytes of the folder's run, from tar shards and from Parquet files", async () => {
  const results = [];
  for (const folder of ["files", "plain", "tables"]) {
    const out = at(`run-${folder}`);
    // Three epochs of the 73 images that are not held out.
    await train(tinyRun(at(folder), { steps: 55, evaluateEvery: 20, out }));
    results.push({ outcome: await outcome(out), metrics: await timeless(out) });
  }
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

const options = (folder: string, name: string, data: object = {}) => {
  const run = tinyRun(folder, { steps: 6, checkpointEvery: 2, out: at(name) });
  return { ...run, data: { ...(run.data as object), ...data, images: folder } };
};

it("resumes with a shuffle buffer to the bytes of a run that was not interrupted, wherever the shards are now", async () => {
  const data = { shuffleBuffer: 2 };
  await train(options(at("plain"), "buffered", data));
  const [whole, resumed] = [at("buffered"), at("resumed")];
  await startTo(3, options(at("plain"), "resumed", data));
  const moved = path.join(await temporaryFolder(), "moved");
  await mkdir(moved);
  for (const name of await readdir(at("plain"))) {
    await writeFile(path.join(moved, name), await readFile(at("plain", name)));
  }
  await resumeRun(resumed, { data: { images: moved } });
  expect(await timeless(resumed)).toBe(await timeless(whole));
  expect(await outcome(resumed)).toEqual(await outcome(whole));
});

it("refuses shards of the same name with other images, and an order that is not the run's", async () => {
  const other = await temporaryFolder();
  const bytes = await readFile(at("plain", "00.tar"));
  for (const name of await readdir(at("plain"))) await writeFile(path.join(other, name), bytes);
  const begun = at("begun");
  await startTo(2, options(at("plain"), "begun"));
  await expect(Trainer.resume(begun, {}, { data: { images: other } })).rejects.toMatchObject({
    path: "data.images",
    message: expect.stringContaining("expected the images that the run began with, got others"),
  });
  await expect(Trainer.resume(begun, {}, { data: { shuffleBuffer: 5 } })).rejects.toMatchObject({
    path: "data.shuffleBuffer",
  });
});

it("killed three times and resumed, ends in the bytes of a run that was not", {
  timeout: 240_000,
}, async () => {
  const settings = ["--steps", "60", "--checkpoint-every", "7", "--quiet", "--shuffle-buffer", "20"];
  const command = (out: string) => ["train", at("gzip"), ...SMALL, ...settings, "--out", out];
  const [whole, killed] = [at("whole"), at("killed")];
  expect((await startProgram(command(whole)).ended).code).toBe(0);
  const lines = async () =>
    ((await readFile(path.join(killed, "metrics.jsonl"), "utf8").catch(() => "")).match(/\n/g) ?? []).length;
  for (const [turn, until] of [10, 24, 40].entries()) {
    const { child, ended } = startProgram(
      turn === 0 ? command(killed) : ["train", "--resume", killed, "--quiet"],
    );
    while ((await lines()) < until && child.exitCode === null) await new Promise((go) => setTimeout(go, 5));
    child.kill("SIGKILL");
    expect((await ended).signal).toBe("SIGKILL");
  }
  expect((await startProgram(["train", "--resume", killed, "--quiet"]).ended).code).toBe(0);
  expect(await stepsOf(killed)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  expect(await timeless(killed)).toBe(await timeless(whole));
  expect(await outcome(killed)).toEqual(await outcome(whole));
});
