import { type FileMetaData, parquetSchema, type SchemaTree } from "hyparquet";

/** A column of image files, and where in it their bytes are. */
export interface ImageColumn {
  readonly name: string;
  /** Names from the column down to the bytes: `["image", "bytes"]`. */
  readonly path: readonly string[];
  /** How many parts of the path may be null. */
  readonly nullableLevels: number;
}

/**
 * The column that holds the images of a Parquet file: bytes of image files, or, as Hugging Face data sets have it, a
 * struct of `bytes` and `path`.
 *
 * Where several could, the one that the data set's own description calls an image comes first, then structs, then plain
 * columns; among equals the one called "image".
 *
 * @param wanted the column's name, where the caller knows it
 * @returns the name, or why there is none
 */
export function imageColumn(metadata: FileMetaData, wanted?: string): ImageColumn | { problem: string } {
  const columns = parquetSchema(metadata).children;
  const structs = namesOf(columns.filter(isImageStruct));
  const leaves = namesOf(columns.filter(isBytes));
  const able = [...structs, ...leaves];
  if (wanted !== undefined) {
    if (able.includes(wanted)) return described(columns, wanted);
    const known = able.length === 0 ? "none" : able.join(", ");
    return {
      problem: `a Parquet file without an image column "${wanted}" (columns that could be one: ${known})`,
    };
  }
  const marked = imageFeatures(metadata).filter((name) => able.includes(name));
  const [group = []] = [marked, structs, leaves].filter((names) => names.length > 0);
  const name = group.length === 1 ? group[0] : group.find((each) => each === "image");
  if (name !== undefined) return described(columns, name);
  if (group.length > 1) {
    return { problem: `a Parquet file with several image columns, ${group.join(", ")}: say which (column)` };
  }
  return { problem: `a Parquet file without an image column (columns: ${namesOf(columns).join(", ")})` };
}

function described(columns: readonly SchemaTree[], name: string): ImageColumn {
  const column = columns.find(({ element }) => element.name === name);
  const bytes = column?.children.find((child) => child.element.name === "bytes");
  const path = [column, bytes].flatMap((each) => (each === undefined ? [] : [each.element]));
  const nullableLevels = path.filter(({ repetition_type }) => repetition_type === "OPTIONAL").length;
  return { name, path: path.map((element) => element.name), nullableLevels };
}

function namesOf(columns: readonly SchemaTree[]): string[] {
  return columns.map(({ element }) => element.name);
}

function isImageStruct({ element, children }: SchemaTree): boolean {
  return (
    element.repetition_type !== "REPEATED" &&
    children.some((child) => child.element.name === "bytes" && isBytes(child))
  );
}

/** Bytes that are not marked as a text or a number. */
function isBytes({ element, children }: SchemaTree): boolean {
  const { type, repetition_type, converted_type, logical_type } = element;
  const plain = converted_type === undefined && logical_type === undefined;
  return children.length === 0 && type === "BYTE_ARRAY" && repetition_type !== "REPEATED" && plain;
}

/** Columns that the library "datasets" has marked as images; none where its description is missing or unreadable. */
function imageFeatures({ key_value_metadata }: FileMetaData): string[] {
  const text = key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
  if (text === undefined) return [];
  try {
    const { info } = JSON.parse(text) as { info?: { features?: Record<string, { _type?: unknown } | null> } };
    return Object.entries(info?.features ?? {}).flatMap(([name, feature]) =>
      feature?._type === "Image" ? [name] : [],
    );
  } catch {
    return [];
  }
}
