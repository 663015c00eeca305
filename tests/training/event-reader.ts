/**
 * Reads event files of TensorBoard by their descriptions alone (TFRecord, RFC 3720 for CRC-32C, event.proto and
 * summary.proto), with nothing of the program that writes them.
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

export interface ReadValue {
  readonly tag: string;
  readonly scalar?: number;
  readonly picture?: { readonly width: number; readonly height: number; readonly png: Buffer };
  readonly histogram?: { readonly figures: number[]; readonly limits: number[]; readonly counts: number[] };
  readonly text?: string;
}

export interface ReadEvent {
  readonly wallTime: number;
  readonly step: number;
  readonly version?: string;
  /** 1 restart, 3 checkpoint. */
  readonly status?: number;
  readonly values: readonly ReadValue[];
}

/** Bit by bit, from the highest: the polynomial as it is printed, of the bytes and the result turned round. */
function crc32c(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const carry = (remainder >>> 31) ^ ((byte >>> bit) & 1);
      remainder = (remainder << 1) ^ (carry === 1 ? 0x1edc6f41 : 0);
    }
  }
  let turned = 0;
  for (let bit = 0; bit < 32; bit++) turned = (turned << 1) | (((remainder ^ -1) >>> bit) & 1);
  return turned >>> 0;
}

function masked(bytes: Uint8Array): number {
  const crc = BigInt(crc32c(bytes));
  return Number((((crc >> 15n) | ((crc << 17n) & 0xffffffffn)) + 0xa282ead8n) & 0xffffffffn);
}

/** The data of every record. @throws Error for a wrong checksum, and for a record that is cut short unless `mayBeTorn` */
export function records(file: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    const data = file.subarray(at + 12, at + 12 + length);
    if (file.readUInt32LE(at + 8) !== masked(file.subarray(at, at + 8))) throw new Error(`length at ${at}`);
    if (file.readUInt32LE(at + 12 + length) !== masked(data)) throw new Error(`data at ${at}`);
    found.push(data);
    at += 16 + length;
  }
  return found;
}

type Field = number | bigint | Buffer;

/** The fields of a message by their numbers: varints as bigint, fixed ones as bytes. */
function fieldsOf(message: Buffer): Map<number, Field[]> {
  const fields = new Map<number, Field[]>();
  let at = 0;
  const varint = (): bigint => {
    for (let value = 0n, shift = 0n; ; shift += 7n) {
      const byte = message[at++] as number;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const bytes = (length: number): Buffer => {
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = Number(varint());
    const [number, type] = [tag >> 3, tag & 7];
    const value = type === 0 ? varint() : bytes(type === 1 ? 8 : type === 5 ? 4 : Number(varint()));
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

const double = (field: Field | undefined): number => (field as Buffer).readDoubleLE();
const doubles = (field: Field | undefined): number[] =>
  Array.from({ length: (field as Buffer).length / 8 }, (_, i) => (field as Buffer).readDoubleLE(8 * i));

function readValue(message: Buffer): ReadValue {
  const fields = fieldsOf(message);
  const one = (number: number) => fields.get(number)?.[0];
  const tag = String(one(1));
  const [scalar, picture, histogram, tensor] = [one(2), one(4), one(5), one(8)] as (Buffer | undefined)[];
  if (scalar !== undefined) return { tag, scalar: scalar.readFloatLE() };
  if (picture !== undefined) {
    const [[height], [width], [colours], [png]] = [1, 2, 3, 4].map((n) => fieldsOf(picture).get(n) ?? []) as [
      Field[],
      Field[],
      Field[],
      Field[],
    ];
    if (colours !== 3n) throw new Error(`colours: ${colours}`);
    return { tag, picture: { width: Number(width), height: Number(height), png: png as Buffer } };
  }
  if (histogram !== undefined) {
    const parts = fieldsOf(histogram);
    const figures = [1, 2, 3, 4, 5].map((n) => double(parts.get(n)?.[0]));
    return {
      tag,
      histogram: { figures, limits: doubles(parts.get(6)?.[0]), counts: doubles(parts.get(7)?.[0]) },
    };
  }
  return { tag, text: String(fieldsOf(tensor as Buffer).get(8)?.[0]) };
}

function eventOf(message: Buffer): ReadEvent {
  const fields = fieldsOf(message);
  const one = (number: number) => fields.get(number)?.[0];
  const [summary, log, version] = [one(5), one(7), one(3)] as (Buffer | undefined)[];
  const values = summary === undefined ? [] : (fieldsOf(summary).get(1) ?? []);
  return {
    wallTime: double(one(1)),
    step: Number(one(2)),
    ...(version === undefined ? {} : { version: version.toString() }),
    ...(log === undefined ? {} : { status: Number(fieldsOf(log).get(1)?.[0]) }),
    values: values.map((value) => readValue(value as Buffer)),
  };
}

/** The events of each file of a folder, in the order of the files' names. */
export async function eventFiles(dir: string): Promise<ReadEvent[][]> {
  const names = (await readdir(dir)).filter((name) => name.includes("tfevents")).sort();
  return Promise.all(names.map(async (name) => records(await readFile(path.join(dir, name))).map(eventOf)));
}

/** Every value of a tag, as `[step, scalar]`. */
export function scalars(files: readonly (readonly ReadEvent[])[], tag: string): [number, number][] {
  return files
    .flat()
    .flatMap(({ step, values }) =>
      values.flatMap((value) =>
        value.tag === tag ? [[step, value.scalar as number] as [number, number]] : [],
      ),
    );
}
