import type { SchemaElement } from "hyparquet";
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

/** Whether a file's columns are these: no more, no fewer, in this order. */
export function isOurSchema(schema: readonly SchemaElement[]): boolean {
  const facts = ({ name, type, repetition_type, num_children = 0 }: SchemaElement): unknown[] => [
    name,
    type,
    repetition_type,
    num_children,
  ];
  return JSON.stringify(schema.map(facts)) === JSON.stringify(parquetSchema().map(facts));
}
