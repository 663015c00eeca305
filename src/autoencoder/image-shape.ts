import { ShapeError } from "../core/errors.js";

/**
 * Checks that a model with this downsampling factor can take images of a shape.
 *
 * @param where names the caller in the message
 * @param shape should be [N, H, W, 3], H and W multiples of the factor
 * @throws ShapeError that names the nearest sizes
 */
export function checkImageShape(where: string, shape: readonly number[], factor: number): void {
  const [, height, width, channels] = shape;
  if (shape.length !== 4 || height === undefined || width === undefined || channels !== 3) {
    throw new ShapeError(where, "[N,H,W,3]", shape);
  }
  if (isMultiple(height, factor) && isMultiple(width, factor)) return;
  const nearest = `height ${nearestMultiples(height, factor)}, width ${nearestMultiples(width, factor)}`;
  throw new ShapeError(where, `[N,H,W,3] with H and W multiples of ${factor} (nearest: ${nearest})`, shape);
}

function isMultiple(side: number, factor: number): boolean {
  return side > 0 && side % factor === 0;
}

/** 60 → "56 or 64" for factor 8; a side that fits is its own nearest. */
function nearestMultiples(side: number, factor: number): string {
  if (isMultiple(side, factor)) return String(side);
  const above = (Math.floor(side / factor) + 1) * factor;
  return above > factor ? `${above - factor} or ${above}` : String(above);
}
