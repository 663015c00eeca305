/** How reports write numbers: the same everywhere, whatever the machine's language. */

/** What stands where there is no figure. */
export const NO_FIGURE = "–";

let grouped: Intl.NumberFormat | undefined;

/** The format is made with the first number: that alone takes longer than to load this file. */
function inGroups(value: number): string {
  grouped ??= new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
  return grouped.format(value);
}

/** 1234 → `1,234`; a mean over codebooks keeps one decimal. */
export function formatCount(value: number): string {
  return inGroups(value);
}

/**
 * A fraction as a percentage: 0.0312 → `3.1 %`. What is not nothing or all never reads `0 %` or `100 %`.
 *
 * @param fraction 0..1
 */
export function formatPercent(fraction: number): string {
  if (fraction === 0) return "0 %";
  if (fraction === 1) return "100 %";
  const percent = 100 * fraction;
  if (percent < 0.01) return "<0.01 %";
  if (percent > 99.99) return ">99.99 %";
  return `${percent.toFixed(percent < 0.995 || percent >= 99.95 ? 2 : 1)} %`;
}

/** The usage expected of a uniform source, which never reaches 100 % though it may round to it. */
export function formatExpectation(fraction: number): string {
  return formatPercent(Math.min(fraction, 1 - Number.EPSILON));
}

/** `digits` significant digits without an exponent where that stays short: 0.001234 → `0.00123`, 41234 → `41,234`. */
export function formatSignificant(value: number, digits = 3): string {
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  if (magnitude < 1e-4 || magnitude >= 1e7) return value.toExponential(digits - 1);
  if (magnitude >= 10 ** (digits - 1)) return inGroups(Number(value.toPrecision(digits)));
  return value.toPrecision(digits);
}

/** A round number on an axis, as short as it can be: 0.0002, 50, 1,000. Neighbours differ: 11.82, 11.84. */
export function formatTick(value: number): string {
  const rounded = Number(value.toPrecision(6));
  const magnitude = Math.abs(rounded);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e7)) return rounded.toExponential();
  return rounded.toLocaleString("en-US", { maximumFractionDigits: 7 });
}

/** A fixed number of decimals, with groups of thousands: (1234.5, 2) → `1,234.50`. */
export function formatFixed(value: number, decimals: number): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** `1 image`, `2 images`. */
export function formatItems(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`;
}

/** `95` → `1 min 35 s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes} min ${whole % 60} s`
    : `${formatCount(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}
