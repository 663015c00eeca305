import { constants } from "node:os";
import { Interrupted } from "./errors.js";
import { ignoresHangup, startOf } from "./hangup.js";
import { ownAncestry, watchLauncher } from "./launcher.js";

/** The wish to stop, as signals bring it. */
export interface Interruption {
  /** Aborted at the first signal, with `Interrupted` as its reason. */
  readonly signal: AbortSignal;
  /** 129 after SIGHUP, 130 after SIGINT, 143 after SIGTERM, as shells have it; undefined without a signal. */
  exitCode(): number | undefined;
}

/** What a person or a program sends to end this one. */
const REQUESTS = ["SIGINT", "SIGTERM"] as const;

/**
 * Listens to the process's signals. The first asks the command to leave everything in order. A second request ends the
 * program as the system does it, at once, also while the engine computes and no handler could run: so our handlers go when
 * all signals that waited have been told, and before anything else is done. That is what an immediate does which is always
 * the first in its queue.
 *
 * A hangup is never a second request: of one terminal that closes, several come. Nor is the end of the npm that started the
 * program (`npx vqkit …`), which is a SIGTERM to it, unless it is to outlive its terminal: an interruption ends both.
 */
export function listenToSignals(): Interruption {
  const interruption = new AbortController();
  let interruptedBy: NodeJS.Signals | undefined;
  let requested = false;
  const stop = (name: NodeJS.Signals): void => {
    interruptedBy ??= name;
    interruption.abort(new Interrupted("Interrupted."));
  };
  const request = (name: NodeJS.Signals): void => {
    if (requested) {
      // Both came during one computation, and are told now, one right after the other.
      letGo();
      process.kill(process.pid, name);
      return;
    }
    requested = true;
    stop(name);
  };
  const letGo = (): void => {
    for (const name of REQUESTS) process.removeListener(name, request);
  };
  const watch = (): void => {
    if (requested) letGo();
    else setImmediate(watch).unref();
  };
  for (const name of REQUESTS) process.on(name, request);
  const goesOnAlone = ignoresHangup(startOf(process));
  process.on("SIGHUP", goesOnAlone ? () => {} : stop);
  if (!goesOnAlone) watchLauncher(ownAncestry(), () => stop("SIGTERM"));
  watch();
  return {
    signal: interruption.signal,
    exitCode: () => (interruptedBy === undefined ? undefined : 128 + constants.signals[interruptedBy]),
  };
}
