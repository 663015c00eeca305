import { mkdir, readdir, symlink } from "node:fs/promises";
import path from "node:path";
import { beforeEach, expect, test } from "vitest";
import { temporaryFolder, vqkit, writeImages } from "./harness.js";
import { SMALL, started, stepsOf } from "./resumed-program.js";

let dir: string;
let photos: string;
let out: string;

beforeEach(async () => {
  dir = await temporaryFolder();
  [photos, out] = [path.join(dir, "photos"), path.join(dir, "run")];
  await mkdir(photos);
  await writeImages(photos, 4);
});

test("a run that is under way is no earlier run: train --out says who writes it, also with --overwrite", async () => {
  const { child, ended } = await started(photos, out);
  const link = path.join(dir, "link");
  await symlink(out, link);
  const calls = [[out], [out, "--overwrite"], [link], [path.join(photos, "..", "run"), "--overwrite"]];
  for (const call of calls) {
    const { code, stderr } = await vqkit(["train", photos, ...SMALL, "--steps", "5", "--out", ...call]);
    const line = expect.stringMatching(/^error: [^\n]+ locked by process \d+ on [^\n]+\n$/);
    expect({ code, stderr }).toEqual({ code: 1, stderr: line });
    expect(stderr).toContain(`process ${child.pid} on`);
  }
  child.kill("SIGTERM");
  expect(await ended).toMatchObject({ code: 143 });
  const done = await stepsOf(out);
  expect(done).toEqual(done.map((_, i) => i + 1));
  const { code, stderr } = await vqkit(["train", photos, ...SMALL, "--steps", "5", "--out", out]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("earlier run") });
});

test("a killed run is taken over from its stale lock; a living one is not", async () => {
  const { child, ended } = await started(photos, out);
  const { code, stderr } = await vqkit(["train", "--resume", out]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining(`locked by process ${child.pid} on`),
  });
  child.kill("SIGKILL");
  expect(await ended).toMatchObject({ signal: "SIGKILL" });
  expect(await readdir(out)).toContain(".vqkit.lock");
  const done = (await stepsOf(out)).length;
  expect((await vqkit(["train", "--resume", out, "--steps", String(done + 300)])).code).toBe(0);
  expect(await readdir(out)).not.toContain(".vqkit.lock");
});
