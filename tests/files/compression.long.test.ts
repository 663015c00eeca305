import { expect, it } from "vitest";
import { decodeByScript } from "../../src/files/zstandard.js";
import { zstandardFrame } from "./zstandard-data.js";

it("Zstandard in JavaScript goes through thousands of frames without going deeper with each", () => {
  const many = Buffer.concat(
    Array<Buffer>(12_000).fill(zstandardFrame([Uint8Array.of(3)], { windowLog: 10 })),
  );
  expect(decodeByScript(many, 12_000).every((byte) => byte === 3)).toBe(true);
});
