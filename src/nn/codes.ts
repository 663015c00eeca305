import type { Parameter } from "./parameter.js";

/** @throws TypeError without codes: a network that has such a layer is applied with them */
export function codesOf<T>(name: string, { codes }: { readonly codes?: T }): T {
  if (codes === undefined) throw new TypeError(`${name}: expected codes in the context, got none.`);
  return codes;
}

/** Parameters of a modulation by codes: its biases start as a constant, so that it begins near that. */
export function startingNear(constant: number, parameters: readonly Parameter[]): Parameter[] {
  return parameters.map((each) => (each.name.endsWith("/bias") ? { ...each, start: { constant } } : each));
}
