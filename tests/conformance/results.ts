import { notImplemented, type Skip, skips, withoutSpecs } from "./skips.js";

/** What became of one spec, and which kernels it called. */
export interface SpecOutcome {
  readonly spec: string;
  readonly status: "passed" | "failed" | "pending";
  readonly kernels: ReadonlySet<string>;
  readonly message: string;
}

export interface Report {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly kernels: {
    readonly passes: readonly string[];
    readonly passesWithSkips: Readonly<Record<string, readonly { spec: string; reason: string }[]>>;
    readonly notImplemented: Readonly<Record<string, string>>;
  };
  /** Specs that failed, and what is wrong with the lists; empty when all is well. */
  readonly failures: readonly string[];
  readonly skips: readonly { readonly spec: string; readonly reason: string }[];
  /** Listed specs that pass here. */
  readonly notices: readonly string[];
}

/**
 * Sorts outcomes into counts and lists.
 *
 * @param known kernels of tfjs-core's registry
 * @param registered kernels of the backend
 */
export function report(
  outcomes: readonly SpecOutcome[],
  known: readonly string[],
  registered: ReadonlySet<string>,
): Report {
  const listed = new Map(skips.map((skip) => [skip.spec, skip]));
  const passed = outcomes.filter(({ status }) => status === "passed");
  const failed = outcomes.filter(({ spec, status }) => status === "failed" && !listed.has(spec));
  const skipped = outcomes.flatMap((outcome) => asSkip(outcome, listed));
  const there = known.filter((name) => registered.has(name)).sort();
  const uncalled = there.filter((name) => !passed.some(({ kernels }) => kernels.has(name)));
  return {
    passed: passed.length,
    failed: failed.length,
    skipped: skipped.length,
    kernels: sortKernels(
      there.filter((name) => !failed.some(({ kernels }) => kernels.has(name))),
      skipped,
      known.filter((name) => !registered.has(name)).sort(),
    ),
    failures: [
      ...failed.map(({ spec, message }) => `${spec}: ${message}`),
      ...uncalled
        .filter((name) => !(name in withoutSpecs))
        .map((name) => `${name}: no spec that passes calls it.`),
      ...wrongLists(outcomes, known, registered),
    ],
    skips: skipped.map(({ spec, reason }) => ({ spec, reason })),
    notices: passed
      .filter(({ spec }) => listed.has(spec))
      .map(({ spec }) => `${spec}: is listed as skipped and passes here.`),
  };
}

function sortKernels(
  good: readonly string[],
  skipped: readonly Skip[],
  absent: readonly string[],
): Report["kernels"] {
  const passesWithSkips: Record<string, { spec: string; reason: string }[]> = {};
  for (const name of good) {
    const own = skipped
      .filter(({ kernels }) => kernels.includes(name))
      .map(({ spec, reason }) => ({ spec, reason }));
    const elsewhere = withoutSpecs[name];
    if (elsewhere !== undefined) own.push({ spec: "all", reason: elsewhere });
    if (own.length > 0) passesWithSkips[name] = own;
  }
  return {
    passes: good.filter((name) => !(name in passesWithSkips)),
    passesWithSkips,
    notImplemented: Object.fromEntries(
      absent.map((name) => [name, notImplemented[name] ?? "no reason is listed."]),
    ),
  };
}

function asSkip({ spec, status }: SpecOutcome, listed: ReadonlyMap<string, Skip>): Skip[] {
  if (status === "passed") return [];
  const skip = listed.get(spec);
  if (skip !== undefined) return [skip];
  return status === "pending" ? [{ spec, kernels: [], reason: "switched off in tfjs-core itself." }] : [];
}

function wrongLists(
  outcomes: readonly SpecOutcome[],
  known: readonly string[],
  registered: ReadonlySet<string>,
): string[] {
  const specs = new Set(outcomes.map(({ spec }) => spec));
  return [
    ...skips
      .filter(({ spec }) => !specs.has(spec))
      .map(({ spec }) => `${spec}: is listed as skipped and does not exist.`),
    ...Object.keys(notImplemented)
      .filter((name) => registered.has(name) || !known.includes(name))
      .map((name) => `${name}: is listed as not implemented and is there, or is no kernel.`),
    ...known
      .filter((name) => !registered.has(name) && !(name in notImplemented))
      .map((name) => `${name}: is not implemented and no reason is listed.`),
  ];
}

/** The report for people. */
export function render(report: Report, seconds: number): string {
  const { passes, passesWithSkips, notImplemented } = report.kernels;
  const lines = [
    ...section(`Kernels that pass (${passes.length})`, [passes.join(", ")]),
    ...section(
      `Kernels that pass with skips (${Object.keys(passesWithSkips).length})`,
      Object.entries(passesWithSkips).flatMap(([name, all]) =>
        all.map(({ spec, reason }) => `${name} – ${spec}: ${reason}`),
      ),
    ),
    ...section(
      `Kernels not implemented (${Object.keys(notImplemented).length})`,
      Object.entries(notImplemented).map(([name, reason]) => `${name}: ${reason}`),
    ),
    ...section(
      `Specs skipped (${report.skipped})`,
      report.skips.map(({ spec, reason }) => `${spec}: ${reason}`),
    ),
    ...section("Notices", report.notices),
    ...section(`Failures (${report.failures.length})`, report.failures),
  ];
  const counts = `${report.passed} passed, ${report.failed} failed, ${report.skipped} skipped`;
  return [...lines, `tfjs-core's specs on ONNX Runtime: ${counts} (${seconds.toFixed(0)} s)`].join("\n");
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`), ""];
}
