import { binFormat } from "./bin.js";
import type { Format } from "./format.js";
import { jsonlFormat } from "./jsonl.js";
import { npyFormat } from "./npy.js";
import { packedFormat } from "./packed.js";
import { parquetFormat } from "./parquet.js";
import { tarFormat } from "./tar.js";

/** How codes can be laid out in their folder. Another format is a file beside these and a line here. */
const all = {
  npy: npyFormat,
  jsonl: jsonlFormat,
  parquet: parquetFormat,
  tar: tarFormat,
  packed: packedFormat,
  bin: binFormat,
} as const satisfies Record<string, Format>;

export type CodeFormat = keyof typeof all;

export const formats: Readonly<Record<CodeFormat, Format>> = all;

/** The names of all formats. */
export const codeFormats = Object.keys(all) as unknown as readonly [CodeFormat, ...CodeFormat[]];
