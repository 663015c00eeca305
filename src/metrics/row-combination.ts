/** Parts of rows of a matrix: row m is values[m·stride + from ..]. */
export interface Rows {
  readonly values: Float64Array;
  readonly stride: number;
  readonly from: number;
}

/**
 * target += Σ_m coefficients[m]·(row m): the one loop that matrix arithmetic spends its time in. Four rows at a time,
 * so that the target is read and written a quarter as often.
 *
 * @param target [W]; each row gives its first W elements
 */
export function addCombination(
  target: Float64Array,
  coefficients: Float64Array,
  { values, stride, from }: Rows,
): void {
  const width = target.length;
  const whole = coefficients.length - (coefficients.length % 4);
  for (let m = 0; m < whole; m += 4) {
    const c0 = coefficients[m] as number;
    const c1 = coefficients[m + 1] as number;
    const c2 = coefficients[m + 2] as number;
    const c3 = coefficients[m + 3] as number;
    const r0 = m * stride + from;
    const r1 = r0 + stride;
    const r2 = r1 + stride;
    const r3 = r2 + stride;
    for (let j = 0; j < width; j++) {
      target[j] =
        (target[j] as number) +
        c0 * (values[r0 + j] as number) +
        c1 * (values[r1 + j] as number) +
        c2 * (values[r2 + j] as number) +
        c3 * (values[r3 + j] as number);
    }
  }
  for (let m = whole; m < coefficients.length; m++) {
    const c = coefficients[m] as number;
    const row = m * stride + from;
    for (let j = 0; j < width; j++) target[j] = (target[j] as number) + c * (values[row + j] as number);
  }
}
