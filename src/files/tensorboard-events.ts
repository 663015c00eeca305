/**
 * TensorBoard's events as protobuf messages (tensorflow/tensorboard: compat/proto/event.proto, summary.proto,
 * histogram.proto, tensor.proto): what scalars, pictures, histograms and text need. Field numbers stand beside each write.
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** What an event says besides its time and step. */
export type EventContent =
  /** The first of every file: which version of the format it has. */
  | { readonly type: "version" }
  /** What was said of this step and later ones does not count any more. */
  | { readonly type: "restart" }
  /** The training saved where it stands. */
  | { readonly type: "checkpoint" }
  | { readonly type: "values"; readonly values: readonly SummaryValue[] };

/** A figure, picture, histogram or text by its tag, such as `loss/totalLoss`. */
export type SummaryValue = { readonly tag: string } & (
  | { readonly scalar: number }
  | { readonly picture: Uint8Array }
  | { readonly histogram: Histogram }
  | { readonly text: string }
);

/** Counts of values in buckets that follow one another without gaps. */
export interface Histogram {
  /** Where the first bucket begins. */
  readonly start: number;
  /** [buckets]: bucket i ends at limits[i], where the next one begins. Ascending. */
  readonly limits: readonly number[];
  /** [buckets] */
  readonly counts: readonly number[];
  /** Of the values, and of their squares. */
  readonly sum: number;
  readonly sumOfSquares: number;
}

/** When, and at which step of the training. */
export interface EventMoment {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
}

const VERSION = "brain.Event:2";
const WRITER = "vqkit";
/** `SessionLog.SessionStatus` */
const STATUS = { restart: 1, checkpoint: 3 } as const;
/** Of `Summary.Image`. */
const RGB = 3;
/** `DT_STRING` of `DataType`. */
const STRING = 7;

/** An event as its message. */
export function encodeEvent(content: EventContent, { wallTime, step }: EventMoment): Uint8Array {
  const w = new BinaryWriter();
  w.tag(1, WireType.Bit64).double(wallTime);
  w.tag(2, WireType.Varint).int64(step);
  switch (content.type) {
    case "version":
      w.tag(3, WireType.LengthDelimited).string(VERSION);
      message(w, 10, () => w.tag(1, WireType.LengthDelimited).string(WRITER)); // source_metadata.writer
      break;
    case "values":
      message(w, 5, () => {
        for (const value of content.values) message(w, 1, () => writeValue(w, value));
      });
      break;
    default:
      message(w, 7, () => w.tag(1, WireType.Varint).int32(STATUS[content.type])); // session_log.status
  }
  return w.finish();
}

/** Of an event's message, what tells where a training that is resumed continues. @throws Error for no such message */
export function eventStep(event: Uint8Array): { readonly step: number; readonly isCheckpoint: boolean } {
  const reader = new BinaryReader(event);
  let step = 0;
  let isCheckpoint = false;
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 2 && type === WireType.Varint) step = Number(reader.int64());
    else if (field === 7 && type === WireType.LengthDelimited) isCheckpoint = hasCheckpoint(reader.bytes());
    else reader.skip(type, field);
  }
  return { step, isCheckpoint };
}

function hasCheckpoint(sessionLog: Uint8Array): boolean {
  const reader = new BinaryReader(sessionLog);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1 && type === WireType.Varint) return reader.int32() === STATUS.checkpoint;
    reader.skip(type, field);
  }
  return false;
}

function message(w: BinaryWriter, field: number, body: () => void): void {
  w.tag(field, WireType.LengthDelimited).fork();
  body();
  w.join();
}

/** `Summary.Value` */
function writeValue(w: BinaryWriter, value: SummaryValue): void {
  w.tag(1, WireType.LengthDelimited).string(value.tag);
  if ("scalar" in value) w.tag(2, WireType.Bit32).float(value.scalar);
  else if ("picture" in value) message(w, 4, () => writePicture(w, value.picture));
  else if ("histogram" in value) message(w, 5, () => writeHistogram(w, value.histogram));
  else writeText(w, value.text);
}

/** `Summary.Image` of a PNG file, whose bytes 16–23 are its width and height. */
function writePicture(w: BinaryWriter, png: Uint8Array): void {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  w.tag(1, WireType.Varint).int32(view.getUint32(20));
  w.tag(2, WireType.Varint).int32(view.getUint32(16));
  w.tag(3, WireType.Varint).int32(RGB);
  w.tag(4, WireType.LengthDelimited).bytes(png);
}

/** `HistogramProto`. TensorBoard draws the first bucket from the minimum and the last to the maximum. */
function writeHistogram(w: BinaryWriter, histogram: Histogram): void {
  const { start, limits, counts, sum, sumOfSquares } = histogram;
  const end = limits.at(-1) ?? start;
  const number = counts.reduce((total, count) => total + count, 0);
  for (const [i, figure] of [start, end, number, sum, sumOfSquares].entries()) {
    w.tag(i + 1, WireType.Bit64).double(figure);
  }
  for (const [field, values] of [
    [6, limits],
    [7, counts],
  ] as const) {
    w.tag(field, WireType.LengthDelimited).fork();
    for (const each of values) w.double(each);
    w.join();
  }
}

/** A string as a tensor without dimensions, and that the plugin for text shows it. */
function writeText(w: BinaryWriter, text: string): void {
  message(w, 9, () => message(w, 1, () => w.tag(1, WireType.LengthDelimited).string("text"))); // metadata.plugin_data.plugin_name
  message(w, 8, () => {
    w.tag(1, WireType.Varint).int32(STRING); // dtype
    message(w, 2, () => {}); // tensor_shape
    w.tag(8, WireType.LengthDelimited).bytes(new TextEncoder().encode(text)); // string_val
  });
}
