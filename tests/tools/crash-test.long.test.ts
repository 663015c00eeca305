import { execFile } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryFolder, writeImages } from "../cli/harness.js";

const tool = fileURLToPath(new URL("../../tools/crash-test.mjs", import.meta.url));

test("training that is killed again and again ends in the same bytes (the short form of npm run crash-test)", async () => {
  const images = path.join(await temporaryFolder());
  await writeImages(images, 6);
  const args = [tool, "--kills", "4", "--seed", "3", "--steps", "12", "--images", images];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const lines = stdout.trimEnd().split("\n");
  const [first = {}, ...rest] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(first).toMatchObject({ run: "uninterrupted" });
  expect(Object.keys(first.files as object)).toEqual(
    expect.arrayContaining(["config.json", "metrics.jsonl", "model.safetensors", "summary.json"]),
  );
  const last = rest.at(-1) ?? {};
  expect(last).toMatchObject({ same: true });
  expect(Number(last.byTime) + Number(last.byOperation)).toBe(4);
  expect(rest.every(({ same }) => same === true)).toBe(true);
}, 180_000); // a dozen processes
