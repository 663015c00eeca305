import { type FileMetaData, parquetSchema, type SchemaTree } from "hyparquet";

/** A column of Parquet in the strict sense: one that has values of its own. */
export interface ColumnLeaf {
  /** Names from the table's column down to it, as the metadata of row groups have them. */
  readonly path: readonly string[];
  /** 0: one value a row; 1: in a list. */
  readonly maxRepetition: number;
  /** How many of the path's members may be null or an empty list. */
  readonly maxDefinition: number;
  /** The definition level from which on an entry is an element of its list, and not in the place of a list. */
  readonly elementDefinition: number;
}

/** A column of image files, and where in it they are. */
export interface ImageColumn {
  readonly name: string;
  /** Their bytes; undefined where the column can have paths alone. */
  readonly bytes: ColumnLeaf | undefined;
  /** The path that stands beside the bytes, or in their place. */
  readonly path: ColumnLeaf | undefined;
  /** Whether each row has a list of images. */
  readonly isList: boolean;
}

/** A column that could hold images. */
interface Candidate extends ImageColumn {
  readonly isStruct: boolean;
}

/**
 * The column that holds the images of a Parquet file: bytes of image files, or, as Hugging Face data sets have it, a
 * struct of `bytes` and `path`; or a list of these a row.
 *
 * Where several could, the one that the data set's own description calls an image comes first, then structs, lists of
 * structs, plain columns and lists of these; among equals the one called "image" or "images".
 *
 * @param wanted the column's name, where the caller knows it
 * @returns the column, or why there is none
 */
export function imageColumn(metadata: FileMetaData, wanted?: string): ImageColumn | { problem: string } {
  const columns = parquetSchema(metadata).children;
  const able = columns.flatMap((column) => candidate(column) ?? []);
  if (wanted !== undefined) {
    const column = able.find(({ name }) => name === wanted);
    if (column !== undefined) return column;
    const known = able.length === 0 ? "none" : namesOf(able);
    return {
      problem: `a Parquet file without an image column "${wanted}" (columns that could be one: ${known})`,
    };
  }
  const features = imageFeatures(metadata);
  const kinds = [
    able.filter(({ name }) => features.includes(name)),
    ...[true, false].flatMap((isStruct) =>
      [false, true].map((isList) =>
        able.filter((each) => each.isStruct === isStruct && each.isList === isList),
      ),
    ),
  ];
  const group = kinds.find((each) => each.length > 0) ?? [];
  const named = (name: string): Candidate | undefined => group.find((each) => each.name === name);
  const column = group.length === 1 ? group[0] : (named("image") ?? named("images"));
  if (column !== undefined) return column;
  if (group.length > 1) {
    return {
      problem: `a Parquet file with several image columns, ${namesOf(group)}: say which (option column)`,
    };
  }
  const names = columns.map(({ element }) => element.name).join(", ");
  return { problem: `a Parquet file without an image column (columns: ${names})` };
}

function namesOf(columns: readonly Candidate[]): string {
  return columns.map(({ name }) => name).join(", ");
}

function candidate(column: SchemaTree): Candidate | undefined {
  const { name } = column.element;
  if (!isRepeated(column)) {
    const own = imageIn([column]);
    if (own !== undefined) return { name, isList: false, ...own };
  }
  const element = elementsOf(column);
  const within = element === undefined ? undefined : imageIn(element);
  return within === undefined ? undefined : { name, isList: true, ...within };
}

/**
 * The members from a column of lists down to an element of them: in three levels (a list, what is repeated, the element)
 * or, as older writers have it, without the third, or as a repeated column by itself.
 */
function elementsOf(column: SchemaTree): readonly SchemaTree[] | undefined {
  const [repeated, ...others] = isRepeated(column) ? [column] : column.children;
  if (repeated === undefined || others.length > 0 || !isRepeated(repeated)) return undefined;
  const path = repeated === column ? [column] : [column, repeated];
  if (imageIn(path) !== undefined) return path;
  const [element, ...rest] = repeated.children;
  return element === undefined || rest.length > 0 || isRepeated(element) ? undefined : [...path, element];
}

/** The image that the last of these members is, if it is one. */
function imageIn(members: readonly SchemaTree[]): Pick<Candidate, "bytes" | "path" | "isStruct"> | undefined {
  const last = members.at(-1) as SchemaTree;
  if (isBytes(last)) return { bytes: leafOf(members), path: undefined, isStruct: false };
  const member = (name: string): SchemaTree | undefined =>
    last.children.find((child) => child.element.name === name && !isRepeated(child));
  const [bytes, path] = [member("bytes"), member("path")];
  const hasPath = path?.children.length === 0 && path.element.type === "BYTE_ARRAY";
  const pathLeaf = hasPath ? leafOf([...members, path]) : undefined;
  if (bytes !== undefined && isBytes(bytes)) {
    return { bytes: leafOf([...members, bytes]), path: pathLeaf, isStruct: true };
  }
  // Where all bytes are null, writers may not know that they would be bytes.
  if (bytes?.element.logical_type?.type !== "NULL" || pathLeaf === undefined) return undefined;
  return { bytes: undefined, path: pathLeaf, isStruct: true };
}

function leafOf(members: readonly SchemaTree[]): ColumnLeaf {
  const levels = (some: readonly SchemaTree[]): number =>
    some.filter(({ element }) => element.repetition_type !== "REQUIRED").length;
  return {
    path: members.map(({ element }) => element.name),
    maxRepetition: members.filter(isRepeated).length,
    maxDefinition: levels(members),
    elementDefinition: levels(members.slice(0, members.findIndex(isRepeated) + 1)),
  };
}

function isRepeated({ element }: SchemaTree): boolean {
  return element.repetition_type === "REPEATED";
}

/** Bytes that are not marked as a text or a number. */
function isBytes({ element, children }: SchemaTree): boolean {
  const { type, converted_type, logical_type } = element;
  const plain = converted_type === undefined && logical_type === undefined;
  return children.length === 0 && type === "BYTE_ARRAY" && plain;
}

/** Columns that the library "datasets" has marked as images, or as lists of them; none where its description is missing or unreadable. */
function imageFeatures({ key_value_metadata }: FileMetaData): string[] {
  const text = key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
  if (text === undefined) return [];
  try {
    const { info } = JSON.parse(text) as { info?: { features?: Record<string, unknown> } };
    return Object.entries(info?.features ?? {}).flatMap(([name, feature]) =>
      isImage(feature) ? [name] : [],
    );
  } catch {
    return [];
  }
}

/** `{_type: "Image"}`; a list of it is `{feature: …}`, or in older versions `[…]`. */
function isImage(feature: unknown): boolean {
  const element = Array.isArray(feature)
    ? feature[0]
    : ((feature as { feature?: unknown } | null)?.feature ?? feature);
  return (element as { _type?: unknown } | null | undefined)?._type === "Image";
}
