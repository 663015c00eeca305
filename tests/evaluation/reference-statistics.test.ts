import { writeFile } from "node:fs/promises";
import path from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readReferenceStatistics } from "../../src/evaluation/index.js";
import { encodeNpy, type StoredTensor } from "../../src/files/index.js";
import { temporaryFolder } from "../training/tiny-runs.js";

const folder = await temporaryFolder();

/** A zip archive as NumPy's savez (stored) and savez_compressed (deflated) write it. */
function zipOf(files: Readonly<Record<string, Uint8Array>>, isDeflated: boolean): Uint8Array {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, bytes] of Object.entries(files)) {
    const packed = isDeflated ? deflateRawSync(bytes) : Buffer.from(bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(isDeflated ? 8 : 0, 4);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    directory.push(
      Buffer.concat([Buffer.from("PK\x01\x02"), Buffer.from([20, 0]), common, tail, Buffer.from(name)]),
    );
    parts.push(local);
    at += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, central, end]);
}

const array = (shape: readonly number[], values: readonly number[]): StoredTensor => ({
  dtype: "F64",
  shape,
  data: Float64Array.from(values),
});
const mu = encodeNpy(array([2], [0.5, -3]));
const sigma = encodeNpy(array([2, 2], [2, 0.25, 0.25, 1]));

async function written(name: string, bytes: Uint8Array): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, bytes);
  return file;
}

describe("reference statistics of FID", () => {
  it.each([false, true])("are read, deflated: %s; what else the file has is not", async (isDeflated) => {
    const other = encodeNpy(array([3], [1, 2, 3]));
    const files = { "arr_0.npy": other, "mu.npy": mu, "sigma.npy": sigma };
    const read = await readReferenceStatistics(await written(`${isDeflated}.npz`, zipOf(files, isDeflated)));
    expect(read.dimensions).toBe(2);
    expect([...read.mean]).toEqual([0.5, -3]);
    expect([...read.covariance]).toEqual([2, 0.25, 0.25, 1]);
    expect(read.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["no archive", Buffer.from("mu"), /zip archive/],
    ["no sigma", zipOf({ "mu.npy": mu }, false), /expected arrays mu, sigma in it, got mu\.npy/],
    [
      "another shape",
      zipOf({ "mu.npy": mu, "sigma.npy": encodeNpy(array([4], [1, 2, 3, 4])) }, false),
      /expected mu \[D\] and sigma \[D,D\], got \[2\] and \[4\]/,
    ],
    [
      "what is not finite",
      zipOf({ "mu.npy": encodeNpy(array([2], [Number.NaN, 1])), "sigma.npy": sigma }, false),
      /mu: expected finite/,
    ],
  ])("refuse %s", async (name, bytes, message) => {
    await expect(readReferenceStatistics(await written(`${name}.npz`, bytes))).rejects.toThrow(message);
  });

  it("refuse an array that is damaged, or unpacks to more than it says", async () => {
    const whole = zipOf({ "mu.npy": mu, "sigma.npy": sigma }, true);
    const damaged = Buffer.from(whole);
    const at = damaged.indexOf("mu.npy") + 6 + 20;
    damaged[at] = (damaged[at] as number) ^ 0xff;
    await expect(readReferenceStatistics(await written("damaged.npz", damaged))).rejects.toMatchObject({
      code: "format",
    });
  });
});
