import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openShards, readShardIndex, writeSafetensors } from "../../src/files/index.js";
import { temporaryFolder } from "../runs/temporary-folder.js";

const value = (number: number) => ({ dtype: "F32", shape: [1], data: Float32Array.of(number) }) as const;

async function model(map: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder();
  const index = join(folder, "model.safetensors.index.json");
  await writeFile(index, JSON.stringify({ weight_map: map }));
  await writeSafetensors(join(folder, "one.safetensors"), new Map([["a.x", value(1)]]), {});
  await writeSafetensors(join(folder, "two.safetensors"), new Map([["b.x", value(2)]]), {});
  return index;
}

it("reads each array from its file", async () => {
  const index = await model({ "a.x": "one.safetensors", "b.x": "two.safetensors" });
  const source = await openShards(index, await readShardIndex(index));
  expect([...source.tensors.keys()]).toEqual(["a.x", "b.x"]);
  expect(await source.read("b.x")).toEqual(value(2));
  await source.close();
});

it("names a file that is missing, and needs only those with wanted arrays", async () => {
  const index = await model({ "a.x": "one.safetensors", "c.x": "three.safetensors" });
  const shards = await readShardIndex(index);
  await expect(openShards(index, shards)).rejects.toThrow(/expected three\.safetensors beside it, got none/);
  const source = await openShards(index, shards, (name) => name.startsWith("a."));
  expect([...source.tensors.keys()]).toEqual(["a.x"]);
  await source.close();
});

it("refuses an index that names other folders, or arrays that their file lacks", async () => {
  const outside = await model({ "a.x": "../one.safetensors" });
  await expect(readShardIndex(outside)).rejects.toThrow(/expected the name of a file for "a.x"/);
  const wrong = await model({ "b.x": "one.safetensors" });
  await expect(openShards(wrong, await readShardIndex(wrong))).rejects.toThrow(/"b.x" in one.safetensors/);
});
