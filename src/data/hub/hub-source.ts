import { VqkitError } from "../../core/errors.js";

/** A data set on a hub. */
export interface HubSource {
  /** `owner/name` */
  readonly name: string;
  /** A branch, a tag or a commit; undefined for the main branch. */
  readonly revision: string | undefined;
  /** A folder or a file of it; "" for all of it. */
  readonly path: string;
}

const SCHEME = "hf://";
const PART = "[A-Za-z0-9][\\w.-]*";
/** Revisions of the hub itself have slashes; others are written with %2F. */
const FORM = new RegExp(
  `^hf://(?:datasets/)?(${PART}/${PART})(?:@(refs/(?:convert|pr)/[^/]+|[^/]+))?(?:/(.*))?$`,
);
const COMMIT = /^[0-9a-f]{40}$/;

/** Whether a source is meant as a data set on a hub. */
export function isHubSource(source: string): boolean {
  return source.startsWith(SCHEME);
}

/** Whether a revision always means the same files. */
export function isCommit(revision: string | undefined): revision is string {
  return revision !== undefined && COMMIT.test(revision);
}

/** @throws VqkitError("data") */
export function parseHubSource(source: string): HubSource {
  const [, name, revision, path = ""] = FORM.exec(source) ?? [];
  if (name === undefined) {
    throw new VqkitError(
      "data",
      `${source}: expected a data set as hf://OWNER/NAME, hf://OWNER/NAME@REVISION or hf://OWNER/NAME/FOLDER.`,
    );
  }
  return { name, revision: revision && decodeURIComponent(revision), path: path.replace(/\/+$/, "") };
}

/** The source as it is written. */
export function hubSourceText({ name, revision, path }: HubSource): string {
  const at = revision === undefined ? "" : `@${encodeURIComponent(revision)}`;
  return `${SCHEME}${name}${at}${path === "" ? "" : `/${path}`}`;
}
