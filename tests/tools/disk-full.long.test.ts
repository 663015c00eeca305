import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const tool = fileURLToPath(new URL("../../tools/disk-full.mjs", import.meta.url));

test("training goes on to the same bytes after any operation on files failed (the short form of tools/disk-full.mjs)", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [tool, "--first", "3", "--stride", "19"]);
  const [whole = {}, ...rest] = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const operations = Number(whole.operations);
  expect(operations).toBeGreaterThan(100);
  const cases = Math.ceil((operations - 2) / 19);
  // Each alone, and each with all that follow.
  expect(rest).toEqual([expect.objectContaining({ operations, failed: 0 })]);
  const ends = Object.values(rest[0]?.ends as Record<string, number>);
  expect(ends.reduce((sum, count) => sum + count, 0)).toBe(2 * cases);
}, 180_000);
