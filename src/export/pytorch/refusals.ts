import { VqkitError } from "../../core/errors.js";
import { reconstructionLossNames } from "../../losses/index.js";
import type { QuantizerConfig } from "../../quantizers/index.js";
import type { RunConfig } from "../../training/index.js";

/** The kinds of quantizer that `python/vqkit_torch` has. */
export const carriedKinds: readonly string[] = [
  "vq",
  "rotation",
  "simvq",
  "fsq",
  "fsp",
  "lfq",
  "bsq",
  "residual",
  "grouped",
  "residual-fsq",
  "multi-scale",
];

/** The codebooks and the gradient estimators of vector quantizers that it has. */
export const carriedParts: Readonly<Record<"codebook" | "gradient", readonly string[]>> = {
  codebook: ["free", "ema", "linear", "sphere", "inner-product", "ema-sphere", "frozen", "bridge"],
  gradient: [
    "straight-through",
    "rotation",
    "reflection",
    "diveq-detach",
    "diveq",
    "nsvq",
    "softmax",
    "gumbel-softmax",
  ],
};

/** The reconstruction losses that it has. */
const carriedLosses: readonly string[] = [...reconstructionLossNames, "msSsim", "sobel"];

/**
 * Checks that a run can be trained in PyTorch as it would be here.
 *
 * @throws VqkitError("format") naming what is not carried over, and why
 */
export function checkCarried(config: RunConfig): void {
  const found = refusal(config);
  if (found !== undefined) throw new VqkitError("format", `PyTorch project: ${found}`);
}

function refusal({ quantizer, loss, objectives, onNan, stopAfter, data }: RunConfig): string | undefined {
  const unknown = membersOf(quantizer)
    .map(unknownPart)
    .find((found) => found !== undefined);
  if (unknown !== undefined) return unknown;
  if (
    membersOf(quantizer)
      .slice(1)
      .some((member) => Number(member.replaceBelow ?? 0) > 0)
  ) {
    return "quantizer.replaceBelow: expected 0 of members, whose codes the project does not replace. Leave it out, or train it here.";
  }
  if (data.shuffleBuffer !== null) {
    return `data.shuffleBuffer: expected null, got ${data.shuffleBuffer}: the project draws from all images. Leave it out.`;
  }
  const own = Object.keys(loss).find((name) => name !== "huberDelta" && !carriedLosses.includes(name));
  if (own !== undefined) {
    return `loss.${own}: expected ${carriedLosses.join(", ")}, got a loss of one's own, of which there is no PyTorch code. Leave it out.`;
  }
  const [objective] = objectives;
  if (objective !== undefined) {
    return `objectives: expected none, got "${objective.kind}", whose networks are not part of the project. Leave it out, or train it here.`;
  }
  if (onNan === "rollback") {
    return 'onNan: expected "stop" or "skip", got "rollback": the project does not go back by itself. Resume from its newest checkpoint instead.';
  }
  if (stopAfter !== null) {
    return `stopAfter: expected null, got ${stopAfter}: the project evaluates nothing while it trains. Leave it out.`;
  }
  return undefined;
}

/** What of a quantizer there is no Python for. */
function unknownPart(config: QuantizerConfig): string | undefined {
  const known = { kind: carriedKinds, ...carriedParts };
  for (const [field, names] of Object.entries(known)) {
    const name = config[field];
    if (name === undefined || names.includes(String(name))) continue;
    return `quantizer.${field}: expected one of vqkit's own (${names.join(", ")}), got "${name}", of which there is no PyTorch code. Train it here.`;
  }
  return undefined;
}

/** A quantizer and the members that it is made of. */
function membersOf(config: QuantizerConfig): QuantizerConfig[] {
  const { quantizer, quantizers = [] } = config as {
    readonly quantizer?: QuantizerConfig;
    readonly quantizers?: readonly QuantizerConfig[];
  };
  const members = quantizer === undefined ? quantizers : [quantizer, ...quantizers];
  return [config, ...members.flatMap(membersOf)];
}
