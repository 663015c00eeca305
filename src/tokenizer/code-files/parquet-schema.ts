import { type FileMetaData, type SchemaElement, type SchemaTree, parquetSchema as treeOf } from "hyparquet";
import type { TilePlace } from "../codes.js";

/** The manifest, as JSON, stands under this key of the file's key-value metadata. */
export const manifestKey = "vqkit";

/** Columns that are null for a whole image, and the fields of a tile's place that they hold. */
export const tileColumns = {
  tile_top: "top",
  tile_left: "left",
  tile_image_height: "imageHeight",
  tile_image_width: "imageWidth",
  tile_overlap: "overlap",
} as const satisfies Record<string, keyof TilePlace>;

/** All columns. Only those of tiles may be null. */
export function parquetSchema(): SchemaElement[] {
  const integer = (name: string): SchemaElement => ({ name, type: "INT32", repetition_type: "REQUIRED" });
  return [
    { name: "schema", num_children: 7 + Object.keys(tileColumns).length },
    {
      name: "name",
      type: "BYTE_ARRAY",
      converted_type: "UTF8",
      logical_type: { type: "STRING" },
      repetition_type: "REQUIRED",
    },
    ...["width", "height", "grid_height", "grid_width", "codebooks"].map(integer),
    {
      name: "indices",
      converted_type: "LIST",
      logical_type: { type: "LIST" },
      repetition_type: "REQUIRED",
      num_children: 1,
    },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    integer("element"),
    ...Object.keys(tileColumns).map((name) => ({ ...integer(name), repetition_type: "OPTIONAL" as const })),
  ];
}

/** Columns that a table of codes has, by what they hold. */
const COLUMNS = {
  name: isText,
  ...Object.fromEntries(
    ["width", "height", "grid_height", "grid_width", "codebooks", ...Object.keys(tileColumns)].map((name) => [
      name,
      isInteger,
    ]),
  ),
  indices: isIntegerList,
} as const satisfies Record<string, (column: SchemaTree) => boolean>;

/** Names of the columns that are read; others are passed over. */
export const columnNames: readonly string[] = Object.keys(COLUMNS);

/**
 * What keeps a table from being one of codes; undefined where nothing does. The columns count, not how they are written: in
 * any order, beside others, integers of 32 or 64 bits, as columns that may be null (whether a value is, its row tells),
 * lists by whatever names their parts have.
 */
export function schemaFault(metadata: FileMetaData): string | undefined {
  const columns = treeOf(metadata).children;
  for (const [name, fits] of Object.entries(COLUMNS)) {
    const column = columns.find(({ element }) => element.name === name);
    if (column === undefined) return `no column "${name}"`;
    if (!fits(column)) return `a column "${name}" of another type`;
  }
  return undefined;
}

function isText({ element, children }: SchemaTree): boolean {
  const isString = element.converted_type === "UTF8" || element.logical_type?.type === "STRING";
  return children.length === 0 && element.type === "BYTE_ARRAY" && isString && !isRepeated(element);
}

function isInteger({ element, children }: SchemaTree): boolean {
  const { type, converted_type = "INT_32" } = element;
  return (
    children.length === 0 &&
    (type === "INT32" || type === "INT64") &&
    /^U?INT_/.test(converted_type) &&
    !isRepeated(element)
  );
}

function isIntegerList({ element, children: [repeated, ...others] }: SchemaTree): boolean {
  if (repeated === undefined || others.length > 0 || isRepeated(element) || !isRepeated(repeated.element))
    return false;
  const [value, ...rest] = repeated.children;
  return value !== undefined && rest.length === 0 && isInteger(value);
}

function isRepeated({ repetition_type }: SchemaElement): boolean {
  return repetition_type === "REPEATED";
}
