import { readFileSync, readlinkSync } from "node:fs";

/** What tells how the program was started. */
export interface Start {
  readonly platform: NodeJS.Platform;
  /** The number of the process that started it. */
  readonly ppid: number;
  /** The variable `_`, in which shells say what they start. */
  readonly startedAs: string | undefined;
  /** Whether results or progress go to a terminal. */
  readonly hasTerminal: boolean;
  /** A text file of the system; undefined where there is none. */
  read(path: string): string | undefined;
  /** Where a link of the system leads; undefined where there is none. */
  link(path: string): string | undefined;
}

const HANGUP = 1n;

/**
 * Whether a hangup (the terminal closes, the connection breaks) is to be ignored, as `nohup` and `trap "" HUP` ask.
 *
 * Node sets every signal that it was started with ignored back to ending the program, before any of our code runs. So
 * the wish has to be found in what else `nohup` leaves: what the shell says it started, an input that can only be written,
 * an output called nohup.out; or in a parent that ignores hangups itself. Where the system does not show these, a
 * program without a terminal passes them over.
 */
export function ignoresHangup(start: Start): boolean {
  const { platform, ppid, startedAs, hasTerminal } = start;
  if (platform === "win32") return false;
  if (/(?:^|\/)nohup$/.test(startedAs ?? "")) return true;
  const own = start.read("/proc/self/status");
  if (own === undefined) return !hasTerminal;
  return (
    ignores(own) ||
    ignores(start.read(`/proc/${ppid}/status`)) ||
    isWriteOnlyNull(start) ||
    /\/nohup\.out$/.test(start.link("/proc/self/fd/1") ?? "")
  );
}

/** This process's start. */
export function startOf({ env, platform, ppid, stderr, stdout }: NodeJS.Process): Start {
  return {
    platform,
    ppid,
    startedAs: env._,
    hasTerminal: stdout.isTTY === true || stderr.isTTY === true,
    read: (path) => attempt(() => readFileSync(path, "latin1")),
    link: (path) => attempt(() => readlinkSync(path)),
  };
}

/** @param status as in /proc/PID/status: a mask of signals in hexadecimal digits, the lowest bit for signal 1 */
function ignores(status: string | undefined): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status ?? "")?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) & HANGUP) !== 0n;
}

/** GNU's nohup puts this in the place of a terminal to read from, and hardly anybody else does. */
function isWriteOnlyNull(start: Start): boolean {
  const flags = /^flags:\s*([0-7]+)$/m.exec(start.read("/proc/self/fdinfo/0") ?? "")?.[1];
  const isWriteOnly = flags !== undefined && (Number.parseInt(flags, 8) & 3) === 1;
  return isWriteOnly && start.link("/proc/self/fd/0") === "/dev/null";
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
