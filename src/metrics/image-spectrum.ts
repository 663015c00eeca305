/** Side of the blocks whose spectrum is taken, in pixels. */
const BLOCK = 16;
/** Frequencies of the block that upsampling by 2, once and twice, leaves its marks at: periods of 2 and of 4 pixels. */
const UPSAMPLING = [BLOCK / 2, BLOCK / 4] as const;
/** The window leaks into the next frequency; the one after is free of it. */
const NEIGHBOUR = 2;

/** One image of 8-bit RGB. */
export interface SpectrumImage {
  /** [H, W, 3] */
  readonly pixels: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

/** How the spectrum of reconstructions differs from that of their originals. */
export interface SpectrumFigures {
  /**
   * Power of the upper half of the spectrum (a quarter of a cycle a pixel and more along some axis), reconstructions over
   * originals: under 1 they are smoother.
   */
  readonly sharpness: number;
  /**
   * How far the power at periods of 2 and 4 pixels stands out from that beside it, reconstructions over originals, the
   * larger of both: 1 for reconstructions without marks of upsampling.
   */
  readonly checkerboard: number;
}

/**
 * Compares spectra of brightness, over blocks of 16×16 pixels under a sine-squared window.
 *
 * @param pairs originals and reconstructions of the same sizes
 * @returns null where no image holds a block, or an original has no such power
 */
export function spectrumFigures(
  pairs: readonly (readonly [original: SpectrumImage, reconstruction: SpectrumImage])[],
): SpectrumFigures | null {
  const [original, reconstruction] = [new Float64Array(BLOCK ** 2), new Float64Array(BLOCK ** 2)];
  for (const [a, b] of pairs) {
    addPower(a, original);
    addPower(b, reconstruction);
  }
  const [from, to] = [upperPower(original), upperPower(reconstruction)];
  const ratios = UPSAMPLING.map((frequency) => peak(reconstruction, frequency) / peak(original, frequency));
  const figures = { sharpness: to / from, checkerboard: Math.max(...ratios) };
  return Number.isFinite(figures.sharpness) && Number.isFinite(figures.checkerboard) ? figures : null;
}

const window = Float64Array.from({ length: BLOCK }, (_, i) => Math.sin((Math.PI * (i + 0.5)) / BLOCK) ** 2);
const cosines = Float64Array.from({ length: BLOCK }, (_, i) => Math.cos((2 * Math.PI * i) / BLOCK));
const sines = Float64Array.from({ length: BLOCK }, (_, i) => Math.sin((2 * Math.PI * i) / BLOCK));

/** Adds |F(v, u)|² of every whole block of an image. */
function addPower({ pixels, width, height }: SpectrumImage, power: Float64Array): void {
  const block = new Float64Array(BLOCK ** 2);
  for (let top = 0; top + BLOCK <= height; top += BLOCK) {
    for (let left = 0; left + BLOCK <= width; left += BLOCK) {
      let mean = 0;
      for (let i = 0; i < BLOCK ** 2; i++) {
        const at = 3 * ((top + Math.floor(i / BLOCK)) * width + left + (i % BLOCK));
        const [r, g, b] = [pixels[at] as number, pixels[at + 1] as number, pixels[at + 2] as number];
        block[i] = 0.299 * r + 0.587 * g + 0.114 * b;
        mean += (block[i] as number) / BLOCK ** 2;
      }
      for (let i = 0; i < BLOCK ** 2; i++) {
        const weight = (window[Math.floor(i / BLOCK)] as number) * (window[i % BLOCK] as number);
        block[i] = ((block[i] as number) - mean) * weight;
      }
      addBlockPower(block, power);
    }
  }
}

/** The discrete Fourier transform along the rows, then down the columns. */
function addBlockPower(block: Float64Array, power: Float64Array): void {
  const [re, im] = [new Float64Array(BLOCK ** 2), new Float64Array(BLOCK ** 2)];
  for (let y = 0; y < BLOCK; y++) {
    for (let u = 0; u < BLOCK; u++) {
      let [a, b] = [0, 0];
      for (let x = 0; x < BLOCK; x++) {
        const [value, angle] = [block[y * BLOCK + x] as number, (u * x) % BLOCK];
        a += value * (cosines[angle] as number);
        b -= value * (sines[angle] as number);
      }
      re[y * BLOCK + u] = a;
      im[y * BLOCK + u] = b;
    }
  }
  for (let u = 0; u < BLOCK; u++) {
    for (let v = 0; v < BLOCK; v++) {
      let [a, b] = [0, 0];
      for (let y = 0; y < BLOCK; y++) {
        const [angle, at] = [(v * y) % BLOCK, y * BLOCK + u];
        const [c, s] = [cosines[angle] as number, sines[angle] as number];
        a += (re[at] as number) * c + (im[at] as number) * s;
        b += (im[at] as number) * c - (re[at] as number) * s;
      }
      power[v * BLOCK + u] = (power[v * BLOCK + u] as number) + a * a + b * b;
    }
  }
}

function upperPower(power: Float64Array): number {
  const frequency = (k: number) => Math.min(k, BLOCK - k);
  return power.reduce((sum, value, i) => {
    const larger = Math.max(frequency(Math.floor(i / BLOCK)), frequency(i % BLOCK));
    return larger >= BLOCK / 4 ? sum + value : sum;
  }, 0);
}

/** Power at a frequency across, down and along both, by that beside it. */
function peak(power: Float64Array, frequency: number): number {
  const at = (k: number) =>
    (power[k] as number) + (power[k * BLOCK] as number) + (power[k * BLOCK + k] as number);
  const below = at(frequency - NEIGHBOUR);
  // Spectra of images fall as a power of the frequency: between two of them stands the geometric mean.
  const beside = frequency + NEIGHBOUR > BLOCK / 2 ? below : Math.sqrt(below * at(frequency + NEIGHBOUR));
  return at(frequency) / beside;
}
