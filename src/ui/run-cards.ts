import { messageOf, VqkitError } from "../core/errors.js";
import type { Point } from "../drawing/charts/index.js";
import type { RunFigures } from "../reports/records/index.js";
import type { Origin } from "../runs/index.js";
import type { CataloguedRun } from "./run-catalogue.js";
import { inspectRun } from "./run-files.js";
import type { RunPlan, RunStatus, RunViews } from "./run-view.js";

/** A run in the list. */
export interface RunCard {
  readonly run: CataloguedRun;
  readonly status: RunStatus;
  readonly changed: number;
  readonly version: string;
  readonly plan: RunPlan;
  readonly origin: Origin | undefined;
  /** The newest record of the metrics. */
  readonly last: Readonly<Record<string, unknown>> | undefined;
  readonly figures: RunFigures | undefined;
  /** Of the reconstruction loss and of the usage of the window, of runs under way. */
  readonly loss: readonly Point[];
  readonly usage: readonly Point[];
  /** How many findings the doctor has, and the gravest. */
  readonly findings: number;
  readonly finding: string | undefined;
  readonly problem: string | undefined;
}

/** A run that cannot be shown, and why. */
export interface BrokenCard {
  readonly run: CataloguedRun;
  readonly version: string;
  readonly broken: string;
}

/** A curve in the list is drawn from at most about so many points. */
const POINTS = 120;

/** Makes what the list shows of each run, again only when the run has changed. */
export class RunCards {
  readonly #views: RunViews;
  #cards = new Map<string, RunCard | BrokenCard>();

  constructor(views: RunViews) {
    this.#views = views;
  }

  /** One at a time: a first look at hundreds of runs is not to hold all their metrics at once. */
  async of(runs: readonly CataloguedRun[]): Promise<(RunCard | BrokenCard)[]> {
    const cards: (RunCard | BrokenCard)[] = [];
    for (const run of runs) cards.push(await this.#card(run));
    this.#cards = new Map(cards.map((card) => [card.run.id, card]));
    return cards;
  }

  async #card(run: CataloguedRun): Promise<RunCard | BrokenCard> {
    try {
      const state = await inspectRun(run);
      const known = this.#cards.get(run.id);
      if (known !== undefined && known.version === state.version) return known;
      const view = await this.#views.view(run, state);
      const { status, changed, version, plan, origin, curves, record, diagnosis, problems } = view;
      const isUnderWay = status === "training";
      return {
        run,
        status,
        changed,
        version,
        plan,
        origin,
        last: curves.last,
        figures: record?.figures,
        loss: isUnderWay ? few(curves.curves.get("reconstructionLoss")) : [],
        usage: isUnderWay ? few(curves.curves.get("usageWindow")) : [],
        findings: diagnosis.findings.length,
        finding: diagnosis.findings[0]?.title,
        problem: problems[0],
      };
    } catch (error) {
      if (!(error instanceof VqkitError)) throw error;
      return { run, version: `broken ${messageOf(error)}`, broken: messageOf(error) };
    }
  }
}

/** Every n-th point and the last. */
function few(points: readonly Point[] = []): Point[] {
  const every = Math.ceil(points.length / POINTS);
  return points.filter((_, i) => i % every === 0 || i === points.length - 1);
}
