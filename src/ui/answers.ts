import { createHash } from "node:crypto";
import { PAGE_POLICY } from "./guard.js";

/** What is sent back. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  /** Empty with status 304: the browser has it. */
  readonly body: string | Uint8Array;
  /** The content policy. */
  readonly policy: string;
  /** Tells one content of an address from another; absent: it is sent whenever it is asked for. */
  readonly tag?: string;
}

export function htmlAnswer(
  body: string,
  { status = 200, policy = PAGE_POLICY }: Partial<Pick<Answer, "status" | "policy">> = {},
): Answer {
  return { status, type: "text/html; charset=utf-8", policy, body };
}

/** A file that shows nothing by itself. */
export function fileAnswer(type: string, body: string | Uint8Array): Answer {
  return { status: 200, type, body, policy: "default-src 'none'" };
}

/**
 * A report, which is a page in one file, under the policy that it brings: what it may do from a disk it may do here.
 */
export function reportAnswer(page: string): Answer {
  const [, own = "default-src 'none'"] =
    /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(page) ?? [];
  const policy = `${own.replaceAll("&#39;", "'").replace(/;?\s*$/, "")}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'`;
  return htmlAnswer(page, { policy });
}

/** The tag of a content that is known by some texts. */
export function tagOf(...texts: readonly string[]): string {
  return `"${createHash("sha256").update(JSON.stringify(texts)).digest("base64url").slice(0, 27)}"`;
}
