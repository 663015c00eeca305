import { z } from "zod";
import type { QuantizerOption } from "./definition.js";

const described = new WeakMap<z.ZodObject, readonly QuantizerOption[]>();

/**
 * Reads the listing of a kind's options off the schema that parses them; `kind` itself is left out. Definitions ask when they
 * are asked, and not when they are loaded: most programs list no options.
 */
export function describeOptions(schema: z.ZodObject): readonly QuantizerOption[] {
  let options = described.get(schema);
  if (options === undefined) {
    options = read(schema);
    described.set(schema, options);
  }
  return options;
}

function read(schema: z.ZodObject): QuantizerOption[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: "input" });
  return Object.entries(properties)
    .filter(([name]) => name !== "kind")
    .map(([name, property]) => {
      if (typeof property === "boolean") throw new TypeError(`option ${name} has no schema`);
      return {
        name,
        type: typeOf(property),
        description: property.description ?? "",
        ...(property.default === undefined ? {} : { default: property.default }),
      };
    });
}

type JsonSchema = z.core.JSONSchema.JSONSchema;

function typeOf(property: JsonSchema): string {
  if (property.enum !== undefined) return property.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (property.type === "array") return `list of ${typeOf(property.items as JsonSchema)}`;
  const bounds = [
    [">=", property.minimum],
    [">", property.exclusiveMinimum],
    // Every safe integer is no bound worth listing.
    ["<=", property.maximum === Number.MAX_SAFE_INTEGER ? undefined : property.maximum],
    ["<", property.exclusiveMaximum],
  ].flatMap(([relation, limit]) => (limit === undefined ? [] : [`${relation} ${limit}`]));
  return `${property.type ?? "any"} ${bounds.join(", ")}`.trim();
}
