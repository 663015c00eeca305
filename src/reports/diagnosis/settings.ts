/** What a run's configuration says that decides which advice is of use to it; undefined where it does not say it. */
export interface RunSettings {
  /** The quantizer's kind. */
  readonly kind: string | undefined;
  /** How a vector quantizer holds its codes: free, ema or linear. */
  readonly codebook: string | undefined;
  readonly initialization: string | undefined;
  /** D. */
  readonly codeDim: number | undefined;
  readonly gradientClip: number | undefined;
  readonly groupNorm: boolean;
}

/** @param config a resolved configuration; anything else says nothing */
export function settingsOf(config: unknown): RunSettings {
  const { quantizer, model, gradientClip } = fieldsOf(config);
  const { kind, codebook, initialization, codeDim } = fieldsOf(quantizer);
  return {
    kind: textOf(kind),
    codebook: textOf(codebook),
    initialization: textOf(initialization),
    codeDim: numberOf(codeDim),
    gradientClip: numberOf(gradientClip),
    groupNorm: fieldsOf(model).groupNorm === true,
  };
}

/** A quantizer without vectors that learn has no use for advice about them. */
export function hasVectors({ kind }: RunSettings): boolean {
  return kind !== "fsq";
}

/** Whether its codes learn by gradient, each by itself; so does one that does not say. */
export function isFree(settings: RunSettings): boolean {
  return hasVectors(settings) && (settings.codebook ?? "free") === "free";
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
