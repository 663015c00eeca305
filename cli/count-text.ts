/** `1 image`, `2,048 images`. */
export function many(count: number, singular: string, plural = `${singular}s`): string {
  return `${number(count)} ${count === 1 ? singular : plural}`;
}

/** With a comma between thousands, and one decimal place at most. */
export function number(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 1 });
}
