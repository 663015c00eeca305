import { ConfigError } from "../../core/errors.js";
import { isObject, valueAt, withValue } from "../../core/objects.js";
import type { JsonObject, JsonValue } from "../../files/index.js";

/**
 * Values for fields of the configuration, each a dotted path: `{ codebookSize: [256, 1024], "model.baseWidth": [16, 32] }`.
 * Several fields make a grid.
 */
export type Sweep = Readonly<Record<string, readonly JsonValue[]>>;

/** Fields that runs may not differ in, and why. */
const FIXED: readonly (readonly [fields: readonly string[], reason: string])[] = [
  [["seed", "seeds"], "seeds are a list of their own (option seeds)"],
  [["quantizer.kind", "quantizers"], "kinds are a list of their own (option quantizers)"],
  [["quantizer", "data", "model"], "only single fields of it can be swept, e.g. model.baseWidth"],
  [["from", "from.model", "from.fingerprint"], "all runs of a comparison start from one model (base.from)"],
  [["out", "overwrite", "nominalCodebookSize", "sweep"], "the comparison sets it"],
  [
    [
      "loss",
      "data.images",
      "data.filesFrom",
      "data.column",
      "data.imageKey",
      "data.resize",
      "data.cropSize",
      "data.heldOut",
      "data.splitSeed",
      "data.evaluationCropsPerImage",
    ],
    "it changes what is measured, and figures of different measures cannot be compared",
  ],
];

/** @throws ConfigError for a field that may not be swept, or a value that comes twice */
export function checkSweep(sweep: Sweep): void {
  for (const [field, values] of Object.entries(sweep)) {
    const fixed = FIXED.find(([fields]) => fields.some((each) => each === field || isLossTerm(each, field)));
    if (fixed !== undefined) {
      throw new ConfigError(`sweep.${field}`, `expected a field that may be swept: ${fixed[1]}.`);
    }
    const texts = values.map((value) => JSON.stringify(value));
    const again = texts.findIndex((text, i) => texts.indexOf(text) < i);
    if (again >= 0) {
      throw new ConfigError(
        `sweep.${field}[${again}]`,
        `expected each value once, got ${texts[again]} again.`,
      );
    }
  }
}

function isLossTerm(fixed: string, field: string): boolean {
  return fixed === "loss" && field.startsWith("loss.");
}

/** All combinations, those of the last field side by side; one without a value where nothing is swept. */
export function sweepPoints(sweep: Sweep): JsonObject[] {
  return Object.entries(sweep).reduce<JsonObject[]>(
    (points, [field, values]) =>
      points.flatMap((point) => values.map((value) => ({ ...point, [field]: value }))),
    [{}],
  );
}

/** `codebookSize256-baseWidth16`, for names of folders; "" where nothing is swept. */
export function pointName(point: JsonObject): string {
  return Object.entries(point)
    .map(([field, value]) => {
      const text = typeof value === "string" ? value : JSON.stringify(value).replace(/[[\]]/g, "");
      return `${field.split(".").at(-1)}${text.replace(/[^\w.+-]+/g, "_")}`;
    })
    .join("-");
}

/**
 * A copy of the options with a swept value.
 *
 * @throws ConfigError where something else than an object stands on the way to the field
 */
export function withSweptValue(options: JsonObject, field: string, value: JsonValue): JsonObject {
  const keys = field.split(".");
  for (let depth = 1; depth < keys.length; depth++) {
    const at = valueAt(options, keys.slice(0, depth).join("."));
    if (at === undefined || isObject(at)) continue;
    throw new ConfigError(
      `sweep.${field}`,
      `expected ${keys[depth - 1]} to have fields, got ${JSON.stringify(at)}. Write it as an object.`,
    );
  }
  return withValue(options, field, value) as JsonObject;
}
