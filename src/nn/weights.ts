import { ShapeError } from "../core/errors.js";
import type { MapSize } from "./layer.js";
import type { WeightValue, WeightValues } from "./state-dict.js";

/** @throws TypeError for a name that is not there: a layer asks for its own parameters only */
export function weightOf(weights: WeightValues, name: string): WeightValue {
  const value = weights.get(name);
  if (value === undefined) throw new TypeError(`no weight "${name}"`);
  return value;
}

/** @throws ShapeError when an image has another number of channels than the layer `name` takes */
export function expectChannels(name: string, channels: number, input: MapSize): void {
  if (input[2] !== channels) throw new ShapeError(name, `[H,W,${channels}]`, input);
}

/** A kernel of PyTorch's as layers have it: [O, I, taps] → [taps, I, O] */
export function tapsFirst(
  filter: Float32Array,
  [taps, inputs, outputs]: readonly [taps: number, inputs: number, outputs: number],
): Float32Array {
  const turned = new Float32Array(filter.length);
  let at = 0;
  for (let tap = 0; tap < taps; tap++)
    for (let i = 0; i < inputs; i++)
      for (let o = 0; o < outputs; o++) turned[at++] = filter[(o * inputs + i) * taps + tap] as number;
  return turned;
}

/** The other way round: [taps, I, O] → [O, I, taps] */
export function outputsFirst(
  filter: Float32Array,
  [taps, inputs, outputs]: readonly [taps: number, inputs: number, outputs: number],
): Float32Array {
  const turned = new Float32Array(filter.length);
  let at = 0;
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let tap = 0; tap < taps; tap++) turned[at++] = filter[(tap * inputs + i) * outputs + o] as number;
  return turned;
}
