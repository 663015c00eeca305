import { jsonlLayout } from "./jsonl.js";
import type { Layout } from "./layout.js";
import type { CodeFormat } from "./manifest.js";
import { npyLayout } from "./npy.js";
import { packedLayout } from "./packed.js";
import { parquetLayout } from "./parquet.js";
import { tarLayout } from "./tar.js";

/** All formats by name. */
export const layouts: Readonly<Record<CodeFormat, Layout>> = {
  npy: npyLayout,
  jsonl: jsonlLayout,
  parquet: parquetLayout,
  tar: tarLayout,
  packed: packedLayout,
};
