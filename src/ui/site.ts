import { join } from "node:path";
import { VqkitError } from "../core/errors.js";
import { SERIES_COLOURS } from "../drawing/index.js";
import { readWhole } from "../files/index.js";
import type { RunFolder } from "../runs/index.js";
import { type Answer, fileAnswer, htmlAnswer, reportAnswer, tagOf } from "./answers.js";
import { liveScript } from "./live-script.js";
import { messagePage } from "./pages/layout.js";
import type { QueueView } from "./pages/queue-page.js";
import type { RunCards } from "./run-cards.js";
import type { CataloguedRun, RunCatalogue } from "./run-catalogue.js";
import { inspectRun, type RunState, versionOfFile } from "./run-files.js";
import type { RunView, RunViews } from "./run-view.js";
import { icon, style } from "./style.js";

/** What the site is made from. */
export interface SiteParts {
  readonly catalogue: RunCatalogue;
  readonly views: RunViews;
  readonly cards: RunCards;
  readonly queue?: () => Promise<QueueView>;
}

interface Route {
  /** Of the whole path. Groups are handed to `find`. */
  readonly path: RegExp;
  readonly find: (asked: Asked) => Promise<Content>;
}

interface Asked {
  readonly groups: readonly string[];
  readonly query: URLSearchParams;
}

/** What stands at an address, made only where the browser does not have it already. */
interface Content {
  /** Another text for every other content. */
  readonly tag: string;
  readonly make: () => Answer | Promise<Answer>;
}

const MAX_PICTURE_BYTES = 64 * 2 ** 20;

/**
 * The pages by their paths. Runs are named by ids, so no path of a request ever becomes one of the file system.
 *
 * Pages load what they draw with when they are first asked for: the server itself starts at once.
 */
export class Site {
  readonly #parts: SiteParts;
  readonly #routes: readonly Route[];
  /** Another start may have another version's pages. */
  readonly #start = String(Date.now());

  constructor(parts: SiteParts) {
    this.#parts = parts;
    const run = "/runs/([0-9a-f]{16})";
    this.#routes = [
      { path: /^\/$/, find: () => this.#overview("page") },
      { path: /^\/live$/, find: () => this.#overview("parts") },
      { path: new RegExp(`^${run}$`), find: (asked) => this.#run(asked, "page") },
      { path: new RegExp(`^${run}/live$`), find: (asked) => this.#run(asked, "parts") },
      { path: new RegExp(`^${run}/report$`), find: (asked) => this.#report(asked) },
      { path: new RegExp(`^${run}/(reconstructions\\.png)$`), find: (asked) => this.#picture(asked) },
      {
        path: new RegExp(`^${run}/(reconstructions/(?:originals|step-\\d{8,16})\\.png)$`),
        find: (asked) => this.#picture(asked),
      },
      ...(parts.queue === undefined
        ? []
        : [
            { path: /^\/queue$/, find: () => this.#queue("page") },
            { path: /^\/queue\/live$/, find: () => this.#queue("parts") },
          ]),
      { path: /^\/overlay$/, find: (asked) => this.#overlay(asked, "page") },
      { path: /^\/overlay\/live$/, find: (asked) => this.#overlay(asked, "parts") },
      { path: /^\/compare$/, find: (asked) => this.#compare(asked) },
      { path: /^\/style\.css$/, find: () => fixed("text/css; charset=utf-8", style) },
      { path: /^\/live\.js$/, find: () => fixed("text/javascript; charset=utf-8", liveScript) },
      { path: /^\/icon\.svg$/, find: () => fixed("image/svg+xml", icon) },
    ];
  }

  /**
   * @param target path and query as they were sent
   * @param known the tag of the content that the browser has
   */
  async answer(target: string, known?: string): Promise<Answer> {
    const [path, query] = splitAt(target, "?");
    for (const { path: pattern, find } of this.#routes) {
      const found = pattern.exec(path);
      if (found === null) continue;
      try {
        const { tag, make } = await find({ groups: found.slice(1), query: new URLSearchParams(query) });
        if (tag === known) return unchanged(tag);
        const made = await make();
        return made.status === 200 ? { ...made, tag } : made;
      } catch (error) {
        if (!(error instanceof VqkitError)) throw error;
        // A run that has gone, or was not finished: what was asked for is not there. Else: there, but not to be read.
        return refused(error.code === "run" ? 404 : 422, "Not to be shown", error.message);
      }
    }
    return refused(404, "Nothing here", "There is no page of this address.");
  }

  async #overview(form: "page" | "parts"): Promise<Content> {
    const { catalogue, cards } = this.#parts;
    const found = await catalogue.catalogue();
    const all = await cards.of(found.runs);
    const versions = all.map(({ run, version }) => `${run.id} ${version}`);
    return {
      tag: this.#tag("list", form, String(found.isCut), ...versions),
      make: async () => {
        const { overviewPage, overviewParts } = await import("./pages/overview-page.js");
        return htmlAnswer(form === "page" ? overviewPage(found, all) : overviewParts(found, all).text);
      },
    };
  }

  async #run({ groups }: Asked, form: "page" | "parts"): Promise<Content> {
    const { run, state } = await this.#find(groups[0]);
    return {
      tag: this.#tag("run", form, run.id, state.version),
      make: async () => {
        const view = await this.#parts.views.view(run, state);
        const { runPage, runParts } = await import("./pages/run-page.js");
        return htmlAnswer(form === "page" ? runPage(view) : runParts(view).text);
      },
    };
  }

  async #overlay({ query }: Asked, form: "page" | "parts"): Promise<Content> {
    const ids = [...new Set(query.getAll("run"))];
    const shown = await Promise.all(ids.slice(0, SERIES_COLOURS).map((id) => this.#find(id)));
    const versions = shown.map(({ run, state }) => `${run.id} ${state.version}`);
    return {
      tag: this.#tag("overlay", form, String(ids.length), ...versions),
      make: async () => {
        if (shown.length === 0) return refused(422, "Nothing to show", "Choose runs in the list.");
        const runs: RunView[] = [];
        for (const { run, state } of shown) runs.push(await this.#parts.views.view(run, state));
        const view = { runs, leftOut: ids.length - runs.length };
        const { overlayPage, overlayParts } = await import("./pages/overlay-page.js");
        if (form === "parts") return htmlAnswer(overlayParts(view).text);
        const address = ids.map((id) => `run=${encodeURIComponent(id)}`).join("&");
        return htmlAnswer(overlayPage(view, `/overlay/live?${address}`));
      },
    };
  }

  async #queue(form: "page" | "parts"): Promise<Content> {
    const view = await this.#parts.queue?.();
    if (view === undefined) throw new VqkitError("run", "There is no queue here.");
    return {
      tag: this.#tag("queue", form, JSON.stringify(view)),
      make: async () => {
        const { queuePage, queueParts } = await import("./pages/queue-page.js");
        return htmlAnswer(form === "page" ? queuePage(view) : queueParts(view).text);
      },
    };
  }

  async #report({ groups }: Asked): Promise<Content> {
    const { run, state } = await this.#find(groups[0]);
    return {
      tag: this.#tag("report", run.id, state.version),
      make: async () => {
        const { renderRunReport } = await import("../reports/index.js");
        return reportAnswer(await renderRunReport(state.folder));
      },
    };
  }

  /** The name is one of those that the routes allow, so it cannot lead out of the run, and no link may. */
  async #picture({ groups }: Asked): Promise<Content> {
    const { run, state } = await this.#find(groups[0]);
    const path = join(run.dir, groups[1] ?? "");
    const version = await versionOfFile(path);
    if (version === undefined) throw new VqkitError("run", `${run.name}: there is no such picture.`);
    return {
      tag: this.#tag("picture", path, version, state.version),
      make: async () => fileAnswer("image/png", await readWhole(path, MAX_PICTURE_BYTES)),
    };
  }

  async #compare({ query }: Asked): Promise<Content> {
    const ids = [...new Set(query.getAll("run"))];
    const baseline = query.get("baseline") ?? "";
    const found = await Promise.all(ids.map((id) => this.#find(id)));
    const versions = found.map(({ run, state }) => `${run.id} ${state.version}`);
    return {
      tag: this.#tag("compare", baseline, ...versions),
      make: () =>
        comparison(
          found.map(({ state }) => state.folder),
          baseline,
        ),
    };
  }

  /** @throws VqkitError("run") when there is no such run, or none any more */
  async #find(id: string | undefined): Promise<{ readonly run: CataloguedRun; readonly state: RunState }> {
    const run = id === undefined ? undefined : await this.#parts.catalogue.find(id);
    if (run === undefined)
      throw new VqkitError("run", "There is no such run below the folders shown, or none any more.");
    return { run, state: await inspectRun(run) };
  }

  #tag(...texts: readonly string[]): string {
    return tagOf(this.#start, ...texts);
  }
}

async function comparison(runs: readonly RunFolder[], baseline: string): Promise<Answer> {
  if (runs.length === 0) return refused(422, "Nothing to compare", "Choose finished runs in the list.");
  const [{ buildComparison }, { renderComparisonPage }] = await Promise.all([
    import("../reports/index.js"),
    import("../reports/index.js"),
  ]);
  try {
    const compared = await buildComparison(runs, baseline === "" ? {} : { baseline });
    return reportAnswer(await renderComparisonPage(compared));
  } catch (error) {
    if (!(error instanceof VqkitError)) throw error;
    return refused(422, "These runs cannot be compared", error.message);
  }
}

async function fixed(type: string, body: string): Promise<Content> {
  return { tag: tagOf(body), make: () => fileAnswer(type, body) };
}

function refused(status: 404 | 422, title: string, message: string): Answer {
  return htmlAnswer(messagePage(title, message), { status });
}

/** Says that the browser has the content already. */
function unchanged(tag: string): Answer {
  return { ...fileAnswer("", ""), status: 304, tag };
}

function splitAt(text: string, mark: string): [before: string, after: string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
