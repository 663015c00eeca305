import { type LocalServer, serveLocally } from "./local-server.js";
import type { QueueView } from "./pages/queue-page.js";
import { RunCards } from "./run-cards.js";
import { RunCatalogue } from "./run-catalogue.js";
import { RunViews } from "./run-view.js";
import { Site } from "./site.js";

export interface ServeRunsOptions {
  /** Run folders, or folders that hold some, at any depth up to five. */
  readonly folders: readonly string[];
  /** What there is on a queue, for a page of it: `QueueMonitor.state` of `vqkit/queue`. */
  readonly queue?: () => Promise<QueueView>;
  /** 0..65535; 0: any that is free. Default 6160. */
  readonly port?: number;
  /** Told what went wrong in a way that is not the run's: a defect. The browser is told no more than that. */
  readonly onError?: (error: unknown) => void;
}

/** A page that is being served. */
export interface RunsServer extends LocalServer {
  /** Runs that were there at the start. */
  readonly runs: number;
}

export const DEFAULT_PORT = 6160;

/**
 * Serves a page that shows runs while they train, lists and compares finished ones and opens their reports. Read-only;
 * heard on this machine only (127.0.0.1); asks nothing of any other.
 *
 * @throws VqkitError("run") for a folder that is not there; ConfigError("port") for one that cannot be had
 */
export async function serveRuns({
  folders,
  queue,
  port = DEFAULT_PORT,
  onError,
}: ServeRunsOptions): Promise<RunsServer> {
  const catalogue = await RunCatalogue.open(folders);
  const views = new RunViews();
  const site = new Site({
    ...{ catalogue, views, cards: new RunCards(views) },
    ...(queue === undefined ? {} : { queue }),
  });
  const server = await serveLocally(site, { port, ...(onError === undefined ? {} : { onError }) });
  const { runs } = await catalogue.catalogue();
  return { ...server, runs: runs.length };
}
