import { scale } from "@observablehq/plot";

type Rgba = readonly [number, number, number, number];

/** `sequential` for what is more or less, `diverging` for what lies on either side of 0. */
export type RampName = "sequential" | "diverging";

const SCHEMES = { sequential: "viridis", diverging: "PuOr" } as const;
const STEPS = 255;

/** The number of the colour for what is not there; it is transparent. */
export const NOTHING = STEPS;

/** 255 colours from low to high, and a transparent one for what is not there. Light on dark and dark on light both work. */
export function ramp(name: RampName): Rgba[] {
  const { apply } = scale({ color: { type: "linear", scheme: SCHEMES[name], domain: [0, 1] } });
  const colours = Array.from({ length: STEPS }, (_, i) => rgba(String(apply(i / (STEPS - 1)))));
  return [...colours, [0, 0, 0, 0]];
}

/** The number of the colour for a place 0..1 of the ramp. */
export function rampStep(place: number): number {
  return Math.round(Math.min(1, Math.max(0, place)) * (STEPS - 1));
}

function rgba(colour: string): Rgba {
  const hex = /^#(..)(..)(..)$/.exec(colour);
  const parts =
    hex === null
      ? (colour.match(/\d+/g) ?? []).map(Number)
      : hex.slice(1).map((pair) => Number.parseInt(pair, 16));
  const [red = 0, green = 0, blue = 0] = parts;
  return [red, green, blue, 255];
}
