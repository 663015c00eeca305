import { VqkitError } from "../core/errors.js";
import { expectedUniformUsage } from "./usage.js";

/** The codes of one codebook that were chosen in an interval, by ascending index, and how often each. */
export interface IntervalCounts {
  /** [used] */
  readonly indices: Uint32Array;
  /** [used], integers >= 1. */
  readonly counts: Float64Array;
}

/** How far a codebook's vectors have moved since the record before (the first: since before step 1). */
export interface CodebookDrift {
  /** ‖C − C'‖ / ‖C'‖ over the whole codebook, C' being the vectors of the record before; null where C' is all 0. */
  readonly overall: number | null;
  /** [K]: ‖c − c'‖ / ‖c'‖ of each code, within 4 %; 0 for a code that did not move, 100 for all of 100 and more. */
  readonly perCode: Float32Array;
}

/** What a run recorded of its codes between two points in training. */
export interface CodeRecord {
  /** The interval's last step; it begins behind the step of the record before. */
  readonly step: number;
  /** Indices that were counted in the interval, per codebook: what every statement about use depends on. */
  readonly samples: number;
  /** One entry a codebook. */
  readonly codebooks: readonly IntervalCounts[];
  /** One entry a codebook; null where the codes cannot move (FSQ), or are no vectors of a table. */
  readonly drift: readonly CodebookDrift[] | null;
  /**
   * One entry a codebook: the codes that training put elsewhere in the interval because they were out of use, ascending.
   * Absent where training replaces none.
   */
  readonly replaced?: readonly Uint32Array[];
}

/** The records of a whole run, by ascending step. */
export interface CodeTimeline {
  /** K. */
  readonly codebookSize: number;
  /** Q. */
  readonly numCodebooks: number;
  readonly records: readonly CodeRecord[];
}

/** What happened to a codebook's codes in one interval. JSON-safe. */
export interface LifeEvents {
  readonly step: number;
  readonly samples: number;
  /** Codes chosen at least once in the interval. */
  readonly used: number;
  /** What `used` would be on average for codes that are all equally likely. */
  readonly expectedUniformUsed: number;
  /** Used now and never before. */
  readonly births: number;
  /** Used in the interval before, and not now. */
  readonly deaths: number;
  /** Used now and earlier, but not in the interval before. */
  readonly revivals: number;
  /** Codes that no interval up to this one has seen. */
  readonly neverUsed: number;
  /** Codes that training put elsewhere in the interval because they were out of use. Absent where it never does. */
  readonly replaced?: number;
}

/**
 * The life of each code of one codebook, as far as the intervals show it: a code lives in an interval in which it was
 * chosen at least once. Steps are those of records, so they are exact to one interval; 0 stands for "never".
 */
export interface CodeLives {
  /** One entry a record. */
  readonly events: readonly LifeEvents[];
  /** [K]: the step of the first record that saw the code. */
  readonly bornAt: Float64Array;
  /** [K]: the step of the last record that saw it. */
  readonly lastUsedAt: Float64Array;
  /** [K]: the step of the record with which the present life began; 0 for a code that the last record did not see. */
  readonly aliveSince: Float64Array;
  /** [K]: how often it fell out of use. */
  readonly deaths: Uint32Array;
}

/**
 * Births, deaths and revivals of a codebook's codes.
 *
 * @throws VqkitError("codes") for a codebook that the timeline does not have
 */
export function codeLives(timeline: CodeTimeline, codebook = 0): CodeLives {
  const { codebookSize, numCodebooks, records } = timeline;
  if (!Number.isSafeInteger(codebook) || codebook < 0 || codebook >= numCodebooks) {
    throw new VqkitError(
      "codes",
      `codebook: expected an integer in 0..${numCodebooks - 1}, got ${codebook}.`,
    );
  }
  const lives = {
    bornAt: new Float64Array(codebookSize),
    lastUsedAt: new Float64Array(codebookSize),
    aliveSince: new Float64Array(codebookSize),
    deaths: new Uint32Array(codebookSize),
  };
  let neverUsed = codebookSize;
  let before: { readonly step: number; readonly indices: Uint32Array } = {
    step: 0,
    indices: new Uint32Array(0),
  };
  const events = records.map(({ step, samples, codebooks, replaced: all }): LifeEvents => {
    const { indices } = codebooks[codebook] as IntervalCounts;
    const { births, revivals } = begin(lives, indices, { step, before: before.step });
    const deaths = end(lives, before.indices, step);
    neverUsed -= births;
    before = { step, indices };
    const expectedUniformUsed = codebookSize * expectedUniformUsage(samples, codebookSize);
    const replaced = all?.[codebook];
    return {
      ...{ step, samples, used: indices.length, expectedUniformUsed, births, deaths, revivals, neverUsed },
      ...(replaced === undefined ? {} : { replaced: replaced.length }),
    };
  });
  return { events, ...lives };
}

type Lives = Omit<CodeLives, "events">;

/** Takes in the codes that an interval saw. */
function begin(
  { bornAt, lastUsedAt, aliveSince }: Lives,
  indices: Uint32Array,
  { step, before }: { readonly step: number; readonly before: number },
): { readonly births: number; readonly revivals: number } {
  let births = 0;
  let revivals = 0;
  for (const index of indices) {
    if (bornAt[index] === 0) {
      births++;
      bornAt[index] = step;
      aliveSince[index] = step;
    } else if (lastUsedAt[index] !== before) {
      revivals++;
      aliveSince[index] = step;
    }
    lastUsedAt[index] = step;
  }
  return { births, revivals };
}

/** Ends the lives of the codes that the interval before saw and the one that ends with `step` did not. */
function end({ lastUsedAt, aliveSince, deaths }: Lives, before: Uint32Array, step: number): number {
  let ended = 0;
  for (const index of before) {
    if (lastUsedAt[index] === step) continue;
    ended++;
    aliveSince[index] = 0;
    deaths[index] = (deaths[index] ?? 0) + 1;
  }
  return ended;
}

/**
 * The ages of a codebook's codes at a step: for a code that is in use, the steps since the record with which its life
 * began; -1 for one that is not. Exact to one interval.
 *
 * @param step that of the last record
 * @returns [K]
 */
export function codeAges({ aliveSince }: Pick<CodeLives, "aliveSince">, step: number): Float64Array {
  return aliveSince.map((since) => (since === 0 ? -1 : step - since));
}
