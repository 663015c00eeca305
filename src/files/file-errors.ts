import { VqkitError } from "../core/errors.js";

const NEXT_STEP: Readonly<Record<string, string>> = {
  EACCES: "Check the permissions.",
  EPERM: "Check the permissions.",
  EROFS: "Choose a folder on a writable file system.",
  ENOSPC: "Free some space there.",
  EDQUOT: "Free some of the quota.",
  ENOENT: "Check the path.",
  ENOTDIR: "Check the path: a part of it is a file.",
  EISDIR: "Give a file, not a folder.",
  EMFILE: "Raise the limit of open files (ulimit -n).",
};

/**
 * One line for a failed operation on a file: `runs/a/usage.json: could not write (EACCES: permission denied). Check …`.
 *
 * @param action what failed, e.g. "read", "write"
 */
export function fileError(path: string, action: string, cause: unknown): VqkitError {
  const code = errnoOf(cause);
  const next = code === undefined ? undefined : NEXT_STEP[code];
  return new VqkitError(
    "file",
    `${path}: could not ${action} (${reasonOf(cause)}).${next === undefined ? "" : ` ${next}`}`,
    {
      cause,
    },
  );
}

/** What went wrong, without what was being done: `EACCES: permission denied`. */
export function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  // Node writes "ENOSPC: no space left on device, write": the reason ends at the first comma.
  return errnoOf(cause) === undefined ? text : (text.split(",")[0] ?? text);
}

/** The system's error code, e.g. "ENOENT". */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return error instanceof Error && !(error instanceof VqkitError) && typeof code === "string"
    ? code
    : undefined;
}

/** Whether reading failed because there is no such file; `error` is what a reader of this layer threw. */
export function isMissingFile(error: unknown): boolean {
  return error instanceof VqkitError && errnoOf(error.cause) === "ENOENT";
}

/** A file whose content is not what its format asks for. */
export function formatError(where: string, message: string): VqkitError {
  return new VqkitError("format", `${where}: ${message}`);
}

/** Untrusted text for a message: quoted, on one line, at most 80 characters. */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
