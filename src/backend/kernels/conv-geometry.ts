/** A 2-D convolution's geometry: [rows, columns] pairs, all positive integers. */
export interface ConvGeometry {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Zero padding: top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
}
