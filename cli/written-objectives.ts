import { fieldsOf } from "../src/core/objects.js";
import type { ConfigObject } from "./config-file.js";

/** A list of objectives as options by kind, so that single options can be set beside them. */
export function withObjectivesByKind(config: ConfigObject): ConfigObject {
  const { objectives } = config;
  if (!Array.isArray(objectives)) return config;
  const named = objectives.map((each: unknown) => {
    if (typeof each === "string") return [each, {}] as const;
    const { kind, ...options } = fieldsOf(each);
    return [kind, options] as const;
  });
  const kinds = new Set(named.map(([kind]) => kind));
  // What is wrong with another list is told when it is checked.
  if (kinds.size < named.length || [...kinds].some((kind) => typeof kind !== "string")) return config;
  return { ...config, objectives: Object.fromEntries(named as [string, object][]) };
}
