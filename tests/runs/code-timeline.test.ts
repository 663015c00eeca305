import { appendFile, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { crc32 } from "../../src/files/index.js";
import type { CodeRecord } from "../../src/metrics/index.js";
import { readCodeTimelineFile } from "../../src/runs/code-timeline.js";
import { CodeTimelineLog, RunFolder, readCodeTimeline } from "../../src/runs/index.js";
import { temporaryFolder } from "./temporary-folder.js";

const shape = { codebookSize: 300, numCodebooks: 1 };

function record(
  step: number,
  counts: Readonly<Record<number, number>>,
  drift?: CodeRecord["drift"],
): CodeRecord {
  const indices = Object.keys(counts).map(Number);
  const values = Object.values(counts);
  return {
    step,
    samples: values.reduce((sum, value) => sum + value, 0),
    codebooks: [{ indices: Uint32Array.from(indices), counts: Float64Array.from(values) }],
    drift: drift ?? null,
  };
}

const three = [
  record(7, { 0: 3, 127: 1, 128: 200, 299: 2 ** 40 }),
  record(9, {}),
  record(20, { 5: 129 }, [{ overall: 0.25, perCode: new Float32Array(300) }]),
];

async function written(records: readonly CodeRecord[], of = shape): Promise<string> {
  const path = join(await temporaryFolder(), "timeline.vqt");
  const log = await CodeTimelineLog.open(path, { ...of, from: 0 });
  for (const each of records) await log.append(each);
  await log.close();
  return path;
}

/** A file with one record whose parts are as they are given, under the right checksums. */
async function forged(
  data: Uint8Array,
  { length = data.length, samples = 0, flags = 0, drift = Number.NaN } = {},
  json = '{"format":"vqkit-code-timeline","codebookSize":300,"numCodebooks":1}',
): Promise<string> {
  const path = join(await temporaryFolder(), "timeline.vqt");
  const fixed = Buffer.alloc(20);
  fixed.set(Buffer.from("\x89VQT\r\n\x1a\n", "latin1"));
  fixed.writeUInt32LE(1, 8);
  fixed.writeUInt32LE(json.length, 12);
  fixed.writeUInt32LE(crc32(Buffer.from(json)), 16);
  const packed = deflateRawSync(data);
  const head = Buffer.alloc(40);
  head.writeUInt32LE(packed.length, 0);
  head.writeUInt32LE(length, 4);
  head.writeBigUInt64LE(4n, 8);
  head.writeBigUInt64LE(BigInt(samples), 16);
  head.writeDoubleLE(drift, 24);
  head.writeUInt32LE(flags, 32);
  head.writeUInt32LE(crc32(Buffer.concat([head.subarray(0, 36), packed])), 36);
  await writeFile(path, Buffer.concat([fixed, Buffer.from(json), head, packed]));
  return path;
}

describe("a timeline of codes", () => {
  it("gives back what was written", async () => {
    expect(await readCodeTimelineFile(await written(three))).toEqual({ ...shape, records: three });
  });

  it("keeps each code's drift within 4 %, none exactly, and the extremes at 1e-6 and 100", async () => {
    const random = new Random(3, "drift");
    const perCode = random.fill(300, (r) => 10 ** r.uniform(-6, 2));
    perCode.set([0, 1e-9, 5000, Number.POSITIVE_INFINITY]);
    const [read] = (
      await readCodeTimelineFile(await written([record(1, { 2: 1 }, [{ overall: null, perCode }])]))
    ).records;
    expect(read?.drift?.[0]?.overall).toBeNull();
    const found = read?.drift?.[0]?.perCode ?? new Float32Array();
    expect(found[0]).toBe(0);
    expect(found[1]).toBeCloseTo(1e-6, 12);
    expect([found[2], found[3]]).toEqual([100, 100]);
    for (let i = 4; i < 300; i++)
      expect(Math.abs((found[i] ?? 0) / (perCode[i] ?? 0) - 1)).toBeLessThan(0.04);
    expect(new Set(found).size).toBeGreaterThan(100);
  });

  it("holds several codebooks", async () => {
    const both: CodeRecord = {
      step: 2,
      samples: 5,
      codebooks: [
        { indices: Uint32Array.of(1, 6), counts: Float64Array.of(2, 3) },
        { indices: Uint32Array.of(0), counts: Float64Array.of(5) },
      ],
      drift: null,
    };
    // Powers of 10 that a byte holds exactly but for float32: levels 128 and 1.
    const moved = {
      ...both,
      step: 3,
      drift: [
        { overall: 0.5, perCode: Float32Array.of(0, 0, 1e-6, 0, 0, 0, 0) },
        { overall: null, perCode: Float32Array.of(0, 0, 0, 0, 0, 1e-2, 100) },
      ],
    };
    const of = { codebookSize: 7, numCodebooks: 2 };
    const { records } = await readCodeTimelineFile(await written([both, moved], of));
    expect(records[0]).toEqual(both);
    expect(records[1]?.drift?.map(({ overall }) => overall)).toEqual([0.5, null]);
    const [first, second] = records[1]?.drift ?? [];
    expect([...(first?.perCode ?? [])]).toEqual([0, 0, expect.closeTo(1e-6, 12), 0, 0, 0, 0]);
    expect([...(second?.perCode ?? [])]).toEqual([0, 0, 0, 0, 0, expect.closeTo(1e-2, 3), 100]);
  });

  it("holds which codes were replaced, and reads the version before, which knew of none", async () => {
    const none = record(3, { 4: 2 });
    const replaced = [Uint32Array.of(0, 7, 299)];
    const some = {
      ...record(5, { 7: 1, 9: 1 }, [{ overall: 0.5, perCode: new Float32Array(300) }]),
      replaced,
    };
    const path = await written([{ ...none, replaced: [new Uint32Array()] }, some]);
    const { records } = await readCodeTimelineFile(path);
    expect(records).toEqual([{ ...none, replaced: [new Uint32Array()] }, some]);

    const old = await written([none]);
    const bytes = await readFile(old);
    expect(bytes.readUInt32LE(8)).toBe(2);
    bytes.writeUInt32LE(1, 8);
    await writeFile(old, bytes);
    expect((await readCodeTimelineFile(old)).records).toEqual([none]);
  });

  it("takes less than 5 MB for 51 records of 65,536 codes that are all in use and all move", async () => {
    const codebookSize = 65_536;
    const path = join(await temporaryFolder(), "timeline.vqt");
    const log = await CodeTimelineLog.open(path, { codebookSize, numCodebooks: 1, from: 0 });
    const random = new Random(1, "large");
    const indices = Uint32Array.from({ length: codebookSize }, (_, i) => i);
    // 4,096 indices a step, 100 steps: 6 for each code, about Poisson; moves over a factor of 30.
    const counts = Float64Array.from(indices, () => 1 + Math.round(5 + 2.4 * random.normal())).map((n) =>
      Math.max(1, n),
    );
    const samples = counts.reduce((sum, count) => sum + count, 0);
    const perCode = random.fill(codebookSize, (r) => 10 ** r.uniform(-3, -1.5));
    await log.append({
      step: 1,
      samples,
      codebooks: [{ indices, counts }],
      drift: [{ overall: 0.1, perCode }],
    });
    await log.close();
    expect(51 * (await stat(path)).size).toBeLessThan(5 * 2 ** 20);
  });

  it("goes on from the end of a record, dropping what stands behind it", async () => {
    const path = await written([]);
    const log = await CodeTimelineLog.open(path, { ...shape, from: (await stat(path)).size });
    await log.append(three[0] as CodeRecord);
    const { offset } = log;
    await log.append(three[1] as CodeRecord);
    await log.close();
    await appendFile(path, "torn");
    await expect(CodeTimelineLog.open(path, { ...shape, from: offset + 1 })).rejects.toMatchObject({
      code: "format",
    });
    await expect(
      CodeTimelineLog.open(path, { ...shape, codebookSize: 299, from: offset }),
    ).rejects.toMatchObject({
      code: "format",
    });
    const again = await CodeTimelineLog.open(path, { ...shape, from: offset });
    await again.append(three[2] as CodeRecord);
    await again.close();
    expect((await readCodeTimelineFile(path)).records).toEqual([three[0], three[2]]);
  });

  it("leaves out a last record without its end, at whatever byte it stops", async () => {
    const path = await written(three);
    const whole = await readFile(path);
    const { offset } = await CodeTimelineLog.open(await written(three.slice(0, 2)), {
      ...shape,
      from: 0,
    }).then(async (log) => {
      for (const each of three.slice(0, 2)) await log.append(each);
      await log.close();
      return log;
    });
    for (let end = offset; end < whole.length; end += 7) {
      await truncate(path, end);
      expect((await readCodeTimelineFile(path)).records).toEqual(three.slice(0, 2));
      await writeFile(path, whole);
    }
  });

  it("names a damaged record", async () => {
    const path = await written(three);
    const bytes = await readFile(path);
    const last = bytes.length - 1;
    bytes[last] = (bytes[last] ?? 0) ^ 1;
    await writeFile(path, bytes);
    await expect(readCodeTimelineFile(path)).rejects.toMatchObject({
      code: "format",
      message: expect.stringContaining("record 3: expected the CRC-32"),
    });
  });

  it.each<[string, number[], object]>([
    ["more codes than the bytes can hold", [200, 1], {}],
    ["an index beyond the codebook", [1, 0xac, 2, 1], { samples: 1 }],
    ["a count of 0", [1, 3, 0], {}],
    ["counts that do not add up", [1, 3, 2], { samples: 3 }],
    ["an integer beyond 2^53", [1, 0, 255, 255, 255, 255, 255, 255, 255, 255, 1], { samples: 1 }],
    ["bytes left over", [0, 0], {}],
    ["another length than it has", [0], { length: 2 }],
    ["a length that deflate cannot give", [0], { length: 4_000_000 }],
    ["unknown flags", [0], { flags: 4 }],
    ["no codes that were replaced", [0], { flags: 2 }],
    ["more codes that were replaced than bytes", [0, 2, 1], { flags: 2 }],
    ["a replaced code that is not there", [0, 1, 0xac, 0x02], { flags: 2 }], // 300
    ["no bytes of drift", [0], { flags: 1 }],
    ["a negative drift", [0, ...new Uint8Array(300)], { flags: 1, drift: -1 }],
  ])("refuses %s", async (_, data, fields) => {
    await expect(readCodeTimelineFile(await forged(Uint8Array.from(data), fields))).rejects.toMatchObject({
      code: "format",
      message: expect.not.stringContaining("\n"),
    });
  });

  it("refuses codebooks beyond 2^24 codes, other files and other versions", async () => {
    const large = '{"format":"vqkit-code-timeline","codebookSize":4096,"numCodebooks":4097}';
    await expect(readCodeTimelineFile(await forged(Uint8Array.of(0), {}, large))).rejects.toMatchObject({
      code: "format",
      message: expect.stringContaining("16777216"),
    });
    const path = await written(three);
    const bytes = await readFile(path);
    bytes[8] = 3;
    await writeFile(path, bytes);
    await expect(readCodeTimelineFile(path)).rejects.toMatchObject({
      message: expect.stringContaining("expected version 1 or 2, got 3"),
    });
    await writeFile(path, "PK\u0003\u0004 and nothing that is meant here");
    await expect(readCodeTimelineFile(path)).rejects.toMatchObject({ code: "format" });
  });

  it("is null for a run without one", async () => {
    const run = await RunFolder.create(join(await temporaryFolder(), "run"));
    expect(await readCodeTimeline(run)).toBeNull();
  });
});
