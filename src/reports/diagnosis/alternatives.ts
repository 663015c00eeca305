import { codebooksThatLearn, kindsThatLearn } from "../../quantizers/family/index.js";

/** Codebooks that follow the latents, e.g. `codebook "ema"`. */
export const AVERAGING_CODEBOOKS = `codebook ${codebooksThatLearn("averages").map(quoted).join(" or ")}`;

/** Kinds of which each step moves every code, e.g. `simvq`. */
export const KINDS_THAT_MOVE_ALL = kindsThatLearn("all").join(" or ");

/** Kinds in which no code can fall behind the latents, e.g. `simvq or fsq`. */
export const KINDS_THAT_LEAVE_NONE = [...kindsThatLearn("all"), ...kindsThatLearn("never")].join(" or ");

function quoted(name: string): string {
  return JSON.stringify(name);
}
