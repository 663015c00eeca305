/** One axis of a chart: a range, how it is divided, and where its values lie. */
export interface Axis {
  /** Values with a line across the chart and a label, ascending. */
  readonly ticks: readonly number[];
  /** 0 at the lower end of the axis, 1 at the upper. */
  readonly position: (value: number) => number;
}

/** An axis in equal steps of 1, 2 or 5 times a power of ten; it holds all values. @param values finite, at least one */
export function linearAxis(values: readonly number[], ticks = 5): Axis {
  let [low, high] = rangeOf(values);
  if (low === high) [low, high] = low === 0 ? [0, 1] : [low - Math.abs(low) / 2, low + Math.abs(low) / 2];
  const step = niceStep((high - low) / ticks);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return {
    ticks: Array.from({ length: last - first + 1 }, (_, i) => tidy((first + i) * step, step)),
    position: (value) => (value - low) / (high - low),
  };
}

/** An axis whose equal lengths are equal ratios. @param values > 0, at least one */
export function logAxis(values: readonly number[]): Axis {
  let [low, high] = rangeOf(values);
  if (high / low < 1.01) [low, high] = [low / 2, high * 2];
  const decades = Math.log10(high / low);
  const digits = decades < 1.5 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil(decades / 7));
  const from = Math.floor(Math.log10(low));
  const ticks: number[] = [];
  for (let exponent = from; exponent <= Math.ceil(Math.log10(high)); exponent++) {
    if ((exponent - from) % every !== 0) continue;
    ticks.push(...digits.map((digit) => Number(`${digit}e${exponent}`)));
  }
  const inside = ticks.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
  return {
    ticks: inside.length >= 2 ? inside : [low, high],
    position: (value) => Math.log(value / low) / Math.log(high / low),
  };
}

function rangeOf(values: readonly number[]): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

function niceStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= atLeast * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** 0.30000000000000004 → 0.3. */
function tidy(value: number, step: number): number {
  return Number(value.toFixed(Math.max(0, Math.ceil(-Math.log10(step)) + 1)));
}
