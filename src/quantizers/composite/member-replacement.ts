import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "../../tf/index.js";
import type { CodeReplacement, Quantizer, TrainingDraw, TrainingInputs } from "../quantizer.js";
import { tf } from "../tfjs.js";

/** What a member was given, and chose. */
export interface MemberLatents {
  /** [N, H, W, D'] */
  readonly latents: Tensor4D;
  /** [N, H, W, Q'] */
  readonly indices: Tensor4D;
}

/** How a quantizer of several replaces dead codes. */
export type MemberReplacement = Pick<Quantizer, "replacementInputs" | "replaceDeadCodes">;

/**
 * Dead codes of the members, each replaced by latents that this member was given: of a residual quantizer what the
 * earlier members left, as in SoundStream's (https://arxiv.org/abs/2107.03312, section III-C). All were given before any
 * code is replaced.
 *
 * @param given for each member, of the latents and indices of the whole
 * @returns nothing where no member replaces any
 */
export function memberReplacement(
  members: readonly Quantizer[],
  given: (latents: Tensor4D, indices: Tensor4D) => readonly MemberLatents[],
): MemberReplacement {
  if (members.every(({ replaceDeadCodes }) => replaceDeadCodes === undefined)) return {};
  return {
    replacementInputs: (draw) => Object.assign({}, ...members.map((member, i) => drawnFor(member, i, draw))),
    replaceDeadCodes: (latents, indices, training) => {
      const parts = given(latents, indices);
      const all = members.map((member, i) => {
        const { latents: own, indices: chosen } = parts[i] as MemberLatents;
        return (
          member.replaceDeadCodes?.(own, chosen, inputsOf(training, i)) ?? {
            codes: tf.zeros([member.numCodebooks, member.codebookSize]) as Tensor2D,
            rows: new Map<string, Tensor1D>(),
          }
        );
      });
      return {
        codes: tf.concat(
          all.map(({ codes }) => codes),
          0,
        ),
        rows: new Map(
          all.flatMap(({ rows }, i) => [...rows].map(([name, isNew]) => [`${i}/${name}`, isNew] as const)),
        ),
      } satisfies CodeReplacement;
    },
  };
}

function drawnFor(member: Quantizer, i: number, draw: TrainingDraw): Record<string, Tensor> {
  const drawn = Object.entries(member.replacementInputs?.(draw) ?? {});
  return Object.fromEntries(drawn.map(([name, tensor]) => [`${i}/${name}`, tensor]));
}

function inputsOf(training: TrainingInputs, i: number): TrainingInputs {
  const own = Object.entries(training).filter(([name]) => name.startsWith(`${i}/`));
  return Object.fromEntries(own.map(([name, tensor]) => [name.slice(`${i}/`.length), tensor]));
}
