import { join } from "node:path";
import { VqkitError } from "../core/errors.js";
import { readWhole } from "../runs/bounded-reader.js";
import { type Answer, fileAnswer, htmlAnswer, reportAnswer, tagOf } from "./answers.js";
import { liveScript } from "./live-script.js";
import { messagePage } from "./pages/layout.js";
import type { RunCards } from "./run-cards.js";
import type { CataloguedRun, RunCatalogue } from "./run-catalogue.js";
import { inspectRun, type RunState, versionOfFile } from "./run-files.js";
import type { RunViews } from "./run-view.js";
import { icon, style } from "./style.js";

/** What the site is made from. */
export interface SiteParts {
  readonly catalogue: RunCatalogue;
  readonly views: RunViews;
  readonly cards: RunCards;
}

interface Route {
  /** Of the whole path. Groups are handed to `answer`. */
  readonly path: RegExp;
  readonly answer: (request: Asked) => Promise<Answer>;
}

interface Asked {
  readonly groups: readonly string[];
  readonly query: URLSearchParams;
  /** The tag of the content that the browser has. */
  readonly known: string | undefined;
}

/** Says that the browser has the content already. */
const UNCHANGED: Answer = { status: 304, type: "", body: "", policy: "default-src 'none'" };
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
      { path: /^\/$/, answer: (asked) => this.#overview(asked, false) },
      { path: /^\/live$/, answer: (asked) => this.#overview(asked, true) },
      { path: new RegExp(`^${run}$`), answer: (asked) => this.#run(asked, false) },
      { path: new RegExp(`^${run}/live$`), answer: (asked) => this.#run(asked, true) },
      { path: new RegExp(`^${run}/report$`), answer: (asked) => this.#report(asked) },
      { path: new RegExp(`^${run}/reconstructions\\.png$`), answer: (asked) => this.#picture(asked) },
      {
        path: new RegExp(`^${run}/reconstructions/((?:originals|step-\\d{8,16})\\.png)$`),
        answer: (asked) => this.#strip(asked),
      },
      { path: /^\/compare$/, answer: (asked) => this.#compare(asked) },
      {
        path: /^\/style\.css$/,
        answer: async () => fileAnswer("text/css; charset=utf-8", style, tagOf(style)),
      },
      {
        path: /^\/live\.js$/,
        answer: async () => fileAnswer("text/javascript; charset=utf-8", liveScript, tagOf(liveScript)),
      },
      { path: /^\/icon\.svg$/, answer: async () => fileAnswer("image/svg+xml", icon, tagOf(icon)) },
    ];
  }

  /**
   * @param target path and query as they were sent
   * @param known the tag of the content that the browser has
   */
  async answer(target: string, known?: string): Promise<Answer> {
    const [path = "", query = ""] = splitAt(target, "?");
    try {
      for (const { path: pattern, answer } of this.#routes) {
        const found = pattern.exec(path);
        if (found === null) continue;
        const given = await answer({ groups: found.slice(1), query: new URLSearchParams(query), known });
        return given.tag !== undefined && given.tag === known ? { ...UNCHANGED, tag: given.tag } : given;
      }
    } catch (error) {
      if (!(error instanceof VqkitError)) throw error;
      // A run that has gone, or was not finished: what was asked for is not there. Else: there, but not to be read.
      const status = error.code === "run" ? 404 : 422;
      return htmlAnswer(messagePage("Not to be shown", error.message), { status });
    }
    return notFound();
  }

  async #overview({ known }: Asked, isLive: boolean): Promise<Answer> {
    const { catalogue, cards } = this.#parts;
    const found = await catalogue.catalogue();
    const all = await cards.of(found.runs);
    const tag = this.#tag(
      "list",
      String(isLive),
      String(found.isCut),
      ...all.map(({ run, version }) => `${run.id} ${version}`),
    );
    if (tag === known) return { ...UNCHANGED, tag };
    const { overviewPage, overviewParts } = await import("./pages/overview-page.js");
    return htmlAnswer(isLive ? overviewParts(found, all).text : overviewPage(found, all), { tag });
  }

  async #run({ groups, known }: Asked, isLive: boolean): Promise<Answer> {
    const { run, state } = await this.#find(groups[0]);
    const tag = this.#tag("run", String(isLive), run.id, state.version);
    if (tag === known) return { ...UNCHANGED, tag };
    const view = await this.#parts.views.view(run, state);
    const { runPage, runParts } = await import("./pages/run-page.js");
    return htmlAnswer(isLive ? runParts(view).text : runPage(view), { tag });
  }

  async #report({ groups, known }: Asked): Promise<Answer> {
    const { run, state } = await this.#find(groups[0]);
    const tag = this.#tag("report", run.id, state.version);
    if (tag === known) return { ...UNCHANGED, tag };
    const { renderRunReport } = await import("../reports/run-report.js");
    return reportAnswer(await renderRunReport(state.folder), tag);
  }

  async #picture({ groups, known }: Asked): Promise<Answer> {
    const { run, state } = await this.#find(groups[0]);
    const tag = this.#tag("picture", run.id, state.version);
    if (tag === known) return { ...UNCHANGED, tag };
    const png = await readWhole(state.folder.path("reconstructions"), MAX_PICTURE_BYTES);
    return fileAnswer("image/png", png, tag);
  }

  /** A picture of training: its name is one of two kinds, so it cannot lead out of its folder, and no link may. */
  async #strip({ groups, known }: Asked): Promise<Answer> {
    const { run, state } = await this.#find(groups[0]);
    const name = groups[1] ?? "";
    const path = join(state.folder.strips().dir, name);
    const version = await versionOfFile(path);
    if (version === undefined) throw new VqkitError("run", `${run.name}: there is no such picture.`);
    const tag = this.#tag("strip", run.id, name, version);
    if (tag === known) return { ...UNCHANGED, tag };
    return fileAnswer("image/png", await readWhole(path, MAX_PICTURE_BYTES), tag);
  }

  async #compare({ query, known }: Asked): Promise<Answer> {
    const ids = [...new Set(query.getAll("run"))];
    if (ids.length === 0) {
      return htmlAnswer(messagePage("Nothing to compare", "Choose finished runs in the list."), {
        status: 422,
      });
    }
    const baseline = query.get("baseline") ?? "";
    const found = await Promise.all(ids.map((id) => this.#find(id)));
    const tag = this.#tag(
      "compare",
      baseline,
      ...found.map(({ run, state }) => `${run.id} ${state.version}`),
    );
    if (tag === known) return { ...UNCHANGED, tag };
    const [{ buildComparison }, { renderComparisonPage }] = await Promise.all([
      import("../reports/comparison/comparison.js"),
      import("../reports/comparison/page.js"),
    ]);
    try {
      const folders = found.map(({ state }) => state.folder);
      const comparison = await buildComparison(folders, baseline === "" ? {} : { baseline });
      return reportAnswer(await renderComparisonPage(comparison), tag);
    } catch (error) {
      if (!(error instanceof VqkitError)) throw error;
      return htmlAnswer(messagePage("These runs cannot be compared", error.message), { status: 422 });
    }
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

function notFound(): Answer {
  return htmlAnswer(messagePage("Nothing here", "There is no page of this address."), { status: 404 });
}

function splitAt(text: string, mark: string): [before: string, after: string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
