import { appendFile, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MetricsLog, readMetrics } from "../../src/runs/index.js";
import { temporaryFolder } from "./temporary-folder.js";

async function logPath(): Promise<string> {
  return join(await temporaryFolder(), "metrics.jsonl");
}

async function readAll(path: string): Promise<{ records: unknown[]; torn: unknown[] }> {
  const records: unknown[] = [];
  const torn: unknown[] = [];
  for await (const record of readMetrics(path, { onTornLine: (line) => torn.push(line) }))
    records.push(record);
  return { records, torn };
}

describe("MetricsLog", () => {
  it("writes one object a line, in the key order of the first record", async () => {
    const path = await logPath();
    const log = await MetricsLog.open(path);
    await log.append({ step: 1, loss: 0.5 });
    await log.append({ loss: 0.25, perplexity: null, step: 2 });
    await log.append({ perplexity: 7, note: "größer", step: 3 });
    expect((await stat(path)).size).toBe(0); // buffered
    await log.sync();
    const text =
      '{"step":1,"loss":0.5}\n{"step":2,"loss":0.25,"perplexity":null}\n{"step":3,"perplexity":7,"note":"größer"}\n';
    expect(await readFile(path, "utf8")).toBe(text);
    expect(log.offset).toBe(Buffer.byteLength(text));
    await log.close();
  });

  it("writes by itself when the buffer is full, whole lines only", async () => {
    const path = await logPath();
    const log = await MetricsLog.open(path);
    const filler = "x".repeat(1000);
    for (let step = 0; step < 100; step++) await log.append({ step, filler });
    const early = await readFile(path, "utf8");
    expect(early.length).toBeGreaterThan(65_000);
    expect(early.endsWith("}\n")).toBe(true);
    await log.close();
    const { records, torn } = await readAll(path);
    expect(records).toEqual(Array.from({ length: 100 }, (_, step) => ({ step, filler })));
    expect(torn).toEqual([]);
  });

  it("serves overlapping calls in order, each line once", async () => {
    const path = await logPath();
    const log = await MetricsLog.open(path);
    const calls: Promise<void>[] = [];
    for (let step = 0; step < 20; step++) {
      calls.push(log.append({ step }), log.flush());
    }
    await Promise.all(calls);
    await log.close();
    expect((await readAll(path)).records).toEqual(Array.from({ length: 20 }, (_, step) => ({ step })));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "refuses %f, and writes nothing of that record",
    async (loss) => {
      const path = await logPath();
      const log = await MetricsLog.open(path);
      await expect(log.append({ step: 1, loss })).rejects.toMatchObject({
        code: "numerics",
        message: expect.stringContaining('"loss"'),
      });
      await log.append({ step: 2 });
      await log.close();
      expect(await readFile(path, "utf8")).toBe('{"step":2}\n');
    },
  );

  it("continues a log, cutting off the line that a killed process left unfinished", async () => {
    const path = await logPath();
    await writeFile(path, '{"step":1}\n{"step":2}\n{"step":3,"lo');
    const log = await MetricsLog.open(path);
    await log.append({ step: 3 });
    await log.close();
    expect(await readFile(path, "utf8")).toBe('{"step":1}\n{"step":2}\n{"step":3}\n');
  });

  it("cuts an unfinished line longer than one read, or the only one", async () => {
    const path = await logPath();
    await writeFile(path, `{"step":1}\n${"y".repeat(150_000)}`);
    await (await MetricsLog.open(path)).close();
    expect(await readFile(path, "utf8")).toBe('{"step":1}\n');
    await writeFile(path, "{");
    await (await MetricsLog.open(path)).close();
    expect(await readFile(path, "utf8")).toBe("");
  });

  it("continues from the offset of a checkpoint, dropping the steps after it", async () => {
    const path = await logPath();
    const first = await MetricsLog.open(path);
    await first.append({ step: 1 });
    await first.sync();
    const from = first.offset;
    await first.append({ step: 2 });
    await first.close();
    const second = await MetricsLog.open(path, { from });
    await second.append({ step: 2, again: true });
    await second.close();
    expect((await readAll(path)).records).toEqual([{ step: 1 }, { step: 2, again: true }]);
  });

  it.each([5, 12])("refuses an offset of %i, where no line ends", async (from) => {
    const path = await logPath();
    await writeFile(path, '{"step":1}\n');
    await expect(MetricsLog.open(path, { from })).rejects.toMatchObject({ code: "format" });
    expect(await readFile(path, "utf8")).toBe('{"step":1}\n');
  });

  it("names the path when it cannot open or write", async () => {
    const folder = await temporaryFolder();
    await expect(MetricsLog.open(folder)).rejects.toMatchObject({
      code: "file",
      message: expect.stringContaining(folder),
    });
    const log = await MetricsLog.open(join(folder, "metrics.jsonl"));
    await log.close();
    await log.append({ step: 1 });
    await expect(log.flush()).rejects.toMatchObject({
      code: "file",
      message: expect.stringContaining(log.path),
    });
  });
});

describe("readMetrics", () => {
  it("reads across chunk borders, characters of several bytes included", async () => {
    const path = await logPath();
    const lines = Array.from({ length: 400 }, (_, step) => ({ step, note: "ü".repeat(150 + (step % 7)) }));
    await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    expect((await readAll(path)).records).toEqual(lines);
  });

  it("tolerates a torn last line wherever it was cut, and reports it", async () => {
    const path = await logPath();
    const last = '{"step":2,"note":"ü"}';
    for (let bytes = 0; bytes <= Buffer.byteLength(last); bytes++) {
      await writeFile(path, '{"step":1}\n');
      await appendFile(path, Buffer.from(last).subarray(0, bytes));
      expect(await readAll(path)).toEqual({
        records: [{ step: 1 }],
        torn: bytes === 0 ? [] : [{ line: 2, bytes }],
      });
    }
  });

  it.each([
    ["no JSON", '{"a":1}\n{"a":\n{"a":3}\n', "line 2"],
    ["a list", "[1]\n", "line 1"],
    ["an empty line", '{"a":1}\n\n', "line 2"],
    ["bytes that are not UTF-8", Buffer.from([0x22, 0xff, 0x22, 0x0a]), "line 1"],
    ["a line over 1 MB", "x".repeat(2 ** 20 + 70_000), "line 1"],
  ])("refuses %s, naming the line", async (_, content, line) => {
    const path = await logPath();
    await writeFile(path, content);
    await expect(readAll(path)).rejects.toMatchObject({
      code: "format",
      message: expect.stringContaining(`${path} ${line}:`),
    });
  });

  it("can be left early, and names a missing file", async () => {
    const path = await logPath();
    await writeFile(path, '{"step":1}\n{"step":2}\n');
    for await (const record of readMetrics(path)) {
      expect(record).toEqual({ step: 1 });
      break;
    }
    await expect(readAll(`${path}x`)).rejects.toMatchObject({ code: "file" });
  });
});
