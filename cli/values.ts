import { InvalidArgumentError } from "commander";

// Readers of flag values. They check the form alone; the configuration's schema checks what a value may be.

export function integer(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new InvalidArgumentError("Expected an integer.");
  return Number(text);
}

export function number(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError("Expected a number.");
  return value;
}

/** `8,5,5,5` */
export function integers(text: string): number[] {
  return words(text).map((word) => {
    if (!/^[+-]?\d+$/.test(word)) throw new InvalidArgumentError("Expected integers separated by commas.");
    return Number(word);
  });
}

/** `vq,fsq` */
export function words(text: string): string[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.some((part) => part === ""))
    throw new InvalidArgumentError("Expected a list separated by commas.");
  return parts;
}

/** `encoder=1e-5,codebook=1e-3` */
export function numbersByName(text: string): Record<string, number> {
  const pairs = words(text).map((word) => {
    const [name = "", value = "", ...rest] = word.split("=");
    if (name === "" || rest.length > 0)
      throw new InvalidArgumentError("Expected name=number, separated by commas.");
    return [name.trim(), number(value)] as const;
  });
  return Object.fromEntries(pairs);
}

/** `64`, or `64x96` for [height, width]. */
export function size(text: string): number | [height: number, width: number] {
  const match = /^(\d+)(?:x(\d+))?$/.exec(text);
  if (match === null) throw new InvalidArgumentError("Expected pixels, as 64 or HEIGHTxWIDTH.");
  return match[2] === undefined ? Number(match[1]) : [Number(match[1]), Number(match[2])];
}

/** Gathers a flag that may be repeated. */
export function repeated(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
