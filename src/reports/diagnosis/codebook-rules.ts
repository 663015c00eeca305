import { evaluationImages, lastSteps, ONE_BATCH, stepsInWindow } from "../../core/usage-words.js";
import { formatCount, formatExpectation, formatPercent, formatSignificant } from "../../drawing/index.js";
import { expectedUniformUsage } from "../../metrics/index.js";
import { AVERAGING_CODEBOOKS, KINDS_THAT_LEAVE_NONE, KINDS_THAT_MOVE_ALL } from "./alternatives.js";
import { newest, tenths } from "./curve.js";
import type { DiagnosisRecord } from "./record.js";
import { FEWEST_RECORDS, fine, found, type Remedy, type Rule, unknown, withTrend } from "./rule.js";
import { canLeaveCodes, canReplace, hasVectors, isFree } from "./settings.js";

const REPLACEMENT = {
  text: "replaceBelow 0.1: codes that nothing chooses become latents of the batch",
  helps: canReplace,
};

/** A codebook of another size, by the option that this quantizer has for it. */
function smaller(reason: string): readonly Remedy[] {
  return [
    { text: `a smaller codebookSize: ${reason}`, helps: ({ sizedBy }) => sizedBy === "codebookSize" },
    { text: `fewer or smaller levels: ${reason}`, helps: ({ sizedBy }) => sizedBy === "levels" },
    {
      text: `a smaller codeDim, which is the bits of an index: ${reason}`,
      helps: ({ sizedBy }) => sizedBy === "codeDim",
    },
  ];
}

/** Usage in the last tenth of the run against the best tenth before it. */
const FALLING = { warning: 0.75, critical: 0.5 };

export const usageFalling: Rule = {
  name: "usage-falling",
  title: "Codebook usage is falling",
  remedies: [
    {
      text: "lower the learning rate, or raise warmupSteps: codes are left behind while the latents still move fast",
      helps: hasVectors,
    },
    {
      text: "lower the learning rate, or raise warmupSteps: latents crowd into fewer of the cells",
      helps: (settings) => !hasVectors(settings),
    },
    REPLACEMENT,
    { text: `${AVERAGING_CODEBOOKS}, which follows the latents`, helps: isFree },
    { text: `kind ${KINDS_THAT_MOVE_ALL}, whose codes all move at each step`, helps: canLeaveCodes },
    {
      text: "initialization kmeans, so that codes start where latents are",
      helps: (settings) => canLeaveCodes(settings) && settings.initialization !== "kmeans",
    },
  ],
  judge: (record) => {
    // The window covers more codes than a batch, but short runs never fill it.
    const full = (record.curves.usageWindow?.records ?? 0) >= FEWEST_RECORDS;
    return withTrend(record, full ? "usageWindow" : "usageBatch", (curve) => {
      const parts = tenths(curve).map(({ median }) => median);
      const last = parts.at(-1) as number;
      const peak = Math.max(...parts);
      const counted = full ? lastSteps(stepsInWindow(windowOf(record))) : ONE_BATCH;
      const seen = `usage of ${counted}: ${formatPercent(last)} in the last tenth of the run, ${formatPercent(peak)} in its best`;
      // One code more or less is no trend.
      if ((peak - last) * (record.codebookSize ?? Number.POSITIVE_INFINITY) <= 1) return fine(seen);
      if (last < FALLING.critical * peak)
        return found("critical", `${seen}; under ${FALLING.critical} of it`);
      if (last < FALLING.warning * peak) return found("warning", `${seen}; under ${FALLING.warning} of it`);
      return fine(seen);
    });
  },
};

/** Codes in use against those that a uniform source would show in as many indices. */
const DEAD = { warning: 0.5, critical: 0.1 };

export const deadCodes: Rule = {
  name: "dead-codes",
  title: "Most codes are never chosen",
  remedies: [
    REPLACEMENT,
    {
      text: "initialization kmeans or data: uniform codes of ±1/K lie far from the latents, and those never chosen never learn",
      helps: (settings) =>
        hasVectors(settings) &&
        settings.comparesLengths &&
        (settings.initialization ?? "uniform") === "uniform",
    },
    {
      text: `${AVERAGING_CODEBOOKS}, or kind ${KINDS_THAT_LEAVE_NONE}, which do not collapse in this way`,
      helps: isFree,
    },
    {
      text: `kind ${KINDS_THAT_LEAVE_NONE}, in which codes do not fall behind the latents`,
      helps: ({ learning }) => learning === "averages",
    },
    {
      text: "a smaller codeDim (8 to 32), in which the nearest code is shared out more evenly",
      helps: (settings) => hasVectors(settings) && (settings.codeDim ?? Number.POSITIVE_INFINITY) > 8,
    },
    {
      text: "a larger entropyWeight, which asks for even use",
      helps: ({ entropyWeight }) => entropyWeight !== undefined,
    },
    ...smaller("codes without use buy nothing"),
    {
      text: "`vqkit prune`, which removes the unused codes from a finished model",
      helps: hasVectors,
    },
  ],
  judge: (record) => {
    const share = liveShare(record);
    if (share === null)
      return unknown("no usage on evaluation images, or of a full window of steps, was recorded");
    const seen = `usage ${share.where}: ${formatPercent(share.usage)}, a uniform source would show ${formatExpectation(share.expected)}`;
    const ratio = share.usage / share.expected;
    if (ratio < DEAD.critical) return found("critical", `${seen}; under ${DEAD.critical} of it`);
    if (ratio < DEAD.warning) return found("warning", `${seen}; under ${DEAD.warning} of it`);
    return fine(seen);
  },
};

/** The usage of the least used codebook against the mean of the others. */
const IDLE = { warning: 0.25, critical: 0.05 };

export const idleCodebook: Rule = {
  name: "idle-codebook",
  title: "One of several codebooks is hardly used",
  remedies: [
    "fewer codebooks: of a residual quantizer the last ones are left too little to be worth codes of their own",
    { text: `members with ${AVERAGING_CODEBOOKS}, which follow what they are given`, helps: isFree },
    {
      text: "members with initialization kmeans, each of which then starts from what it is given",
      helps: hasVectors,
    },
    "more steps: a later codebook learns what earlier ones leave only when these have settled",
  ],
  judge: ({ codebookUsage = null, heldOut }) => {
    if (codebookUsage === null) return unknown("the codes of each codebook are counted at the end of a run");
    if (codebookUsage.length === 1) return fine("there is one codebook");
    const least = Math.min(...codebookUsage);
    const place = codebookUsage.indexOf(least);
    const others = codebookUsage.filter((_, i) => i !== place);
    const mean = others.reduce((sum, usage) => sum + usage, 0) / others.length;
    const seen = `codebook ${place + 1} of ${codebookUsage.length} has ${formatPercent(least)} of its codes in use on ${evaluationImages(heldOut)}, the others ${formatPercent(mean)} on average`;
    if (least < IDLE.critical * mean) return found("critical", `${seen}; under ${IDLE.critical} of it`);
    if (least < IDLE.warning * mean) return found("warning", `${seen}; under ${IDLE.warning} of it`);
    return fine(seen);
  },
};

interface LiveShare {
  readonly usage: number;
  readonly expected: number;
  /** What it was counted on. */
  readonly where: string;
}

/** As a record of metrics has it. */
function windowOf({ samplesBatch, samplesWindow }: DiagnosisRecord) {
  return { samplesBatch, samplesWindow };
}

/** Usage with its expectation: of the evaluation, or of a full window while the run is under way. */
function liveShare(record: DiagnosisRecord): LiveShare | null {
  const { final, curves, samplesWindow, codebookSize, heldOut } = record;
  if (final !== null) {
    const { usage, expectedUniformUsage: expected, samples } = final;
    if (usage === null || expected === null) return null;
    return {
      usage,
      expected,
      where: `on ${evaluationImages(heldOut)} (${formatCount(samples ?? 0)} indices)`,
    };
  }
  const { usageWindow } = curves;
  if (usageWindow === undefined || samplesWindow === null || codebookSize === null) return null;
  return {
    usage: newest(usageWindow),
    expected: expectedUniformUsage(samplesWindow, codebookSize),
    where: `of ${lastSteps(stepsInWindow(windowOf(record)))} (${formatCount(samplesWindow)} indices)`,
  };
}

/** FAISS asks for at least so many points for each k-means centre (`min_points_per_centroid`), and warns under it. */
const LATENTS_PER_CODE = 39;
/** Perplexity against the number of codes that a uniform source would show. */
const EVENNESS = 0.1;

export const overSizedCodebook: Rule = {
  name: "over-sized-codebook",
  title: "The codebook is larger than its data",
  remedies: [
    ...smaller("it costs little reconstruction where most codes do not matter"),
    "more steps, larger batches or larger crops, so that each code is chosen more often",
    {
      text: "for codes that are in use but seldom chosen, a larger entropyWeight",
      helps: ({ entropyWeight }) => entropyWeight !== undefined,
    },
  ],
  judge: (record) => {
    const { codebookSize, samplesBatch, lastStep, plannedSteps, final } = record;
    if (codebookSize === null || samplesBatch === null)
      return unknown("the indices of training were not recorded");
    const steps = Math.max(lastStep, plannedSteps ?? 0);
    const perCode = (steps * samplesBatch) / codebookSize;
    const trained = `${formatSignificant(perCode)} latents a code in ${formatCount(steps)} steps`;
    if (perCode < LATENTS_PER_CODE) return found("warning", `${trained}; under ${LATENTS_PER_CODE}`);
    const { perplexity = null, expectedUniformUsage: expected = null, usage = null } = final ?? {};
    if (perplexity === null || expected === null || usage === null) return fine(trained);
    const evenness = perplexity / (expected * codebookSize);
    const seen = `${trained}; perplexity ${formatSignificant(perplexity)} of ${formatCount(codebookSize)} codes`;
    // Where the codes are not even in use, that is the finding.
    const inUse = usage >= DEAD.warning * expected;
    if (inUse && evenness < EVENNESS) {
      return found(
        "warning",
        `${seen} although ${formatPercent(usage)} are in use; under ${EVENNESS} of them`,
      );
    }
    return fine(seen);
  },
};
