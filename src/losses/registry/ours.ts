import { adversarialDescription } from "../adversarial/options.js";
import { perceptualDescription } from "../perceptual/options.js";
import type { ObjectiveDescription } from "./definition.js";

/** Our own kinds of objectives. What makes them needs an engine: `makers.ts` of the layer. */
export const ourDescriptions: readonly ObjectiveDescription[] = [
  perceptualDescription as unknown as ObjectiveDescription,
  adversarialDescription as unknown as ObjectiveDescription,
];
