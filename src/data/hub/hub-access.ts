import { homedir } from "node:os";
import path from "node:path";
import { messageOf, VqkitError } from "../../core/errors.js";

/** What is used of the package @huggingface/hub, which is there where a person has installed it. */
type HubPackage = typeof import("@huggingface/hub");

/** How a hub is asked. */
export interface HubAccess {
  readonly hubUrl: string;
  readonly accessToken?: string;
}

/** HF_ENDPOINT and HF_TOKEN, as Hugging Face's own tools have them. */
export function hubAccess(environment: NodeJS.ProcessEnv = process.env): HubAccess {
  const { HF_ENDPOINT, HF_TOKEN } = environment;
  const hubUrl = (HF_ENDPOINT || "https://huggingface.co").replace(/\/+$/, "");
  return { hubUrl, ...(HF_TOKEN ? { accessToken: HF_TOKEN } : {}) };
}

/** Where downloaded files stay: `vqkit/hub` in XDG_CACHE_HOME, else in `~/.cache`. */
export function hubCache(environment: NodeJS.ProcessEnv = process.env): string {
  return path.join(environment.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "vqkit", "hub");
}

/** @param source what it is needed for. @throws VqkitError("data") that says what to install */
export async function loadHubPackage(source: string): Promise<HubPackage> {
  try {
    return await import("@huggingface/hub");
  } catch (error) {
    throw new VqkitError(
      "data",
      `${source}: expected the package @huggingface/hub, got none that can be loaded (${messageOf(error).split("\n")[0]}). Install it: npm install @huggingface/hub.`,
      { cause: error },
    );
  }
}

/** What the hub answered in the place of what was asked for, in one line. */
export function hubFault(source: string, { hubUrl }: HubAccess, cause: unknown): VqkitError {
  if (cause instanceof VqkitError) return cause;
  const { statusCode } = cause as { readonly statusCode?: number };
  const network = cause instanceof Error && cause.cause instanceof Error ? `: ${cause.cause.message}` : "";
  const got = statusCode ?? `${messageOf(cause).split("\n")[0]}${network}`;
  const next =
    statusCode === 401 || statusCode === 403 || statusCode === 404
      ? "Check its name and revision; a private or gated one needs a token (HF_TOKEN)."
      : "What has been downloaded is kept: try again.";
  return new VqkitError("data", `${source}: expected a data set on ${hubUrl}, got ${got}. ${next}`, {
    cause,
  });
}
