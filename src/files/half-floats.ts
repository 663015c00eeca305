/** Floating-point numbers of 16 bits, as files hold them and JavaScript has no arrays for. */

/** Every number of IEEE 754's binary16, by its bits; made when the first is asked for. */
let halves: Float32Array | undefined;

/** @param bits IEEE 754 binary16: 1 bit of sign, 5 of exponent, 10 of mantissa */
export function floatsOfHalves(bits: Uint16Array): Float32Array {
  halves ??= Float32Array.from({ length: 2 ** 16 }, (_, each) => halfOf(each));
  const table = halves;
  return Float32Array.from(bits, (each) => table[each] as number);
}

/** @param bits bfloat16: the upper half of a binary32 */
export function floatsOfBfloats(bits: Uint16Array): Float32Array {
  const words = Uint32Array.from(bits, (each) => each * 2 ** 16);
  return new Float32Array(words.buffer);
}

function halfOf(bits: number): number {
  const sign = bits >= 2 ** 15 ? -1 : 1;
  const exponent = Math.floor(bits / 2 ** 10) % 2 ** 5;
  const mantissa = bits % 2 ** 10;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1 + mantissa / 2 ** 10) * 2 ** (exponent - 15);
}
