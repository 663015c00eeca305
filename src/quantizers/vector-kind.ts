import type { QuantizerDefinition, Recommendation } from "./definition.js";
import { type CodebookName, codebookParts, estimatorParts, type GradientName } from "./family/parts.js";
import type { Paper } from "./paper.js";
import type { Part } from "./part.js";
import type { Initialization, VectorQuantizerConfig } from "./vector-config.js";
import { vectorFacts } from "./vector-facts.js";
import { VectorQuantizer } from "./vector-quantizer.js";
import { vectorSchema } from "./vector-schema.js";

/** A point of the grid codebook × gradient estimator that has a name. */
export interface VectorPoint {
  readonly kind: string;
  readonly summary: string;
  readonly paper: Paper;
  readonly codebook: CodebookName;
  readonly gradient: GradientName;
  readonly initialization: Initialization;
  /**
   * The parts that the kind is named after: it takes these alone on their axis, and all there are on the other. A kind
   * that is named after none takes the parts that no other kind is named after.
   */
  readonly namedAfter?:
    | { readonly codebooks: readonly CodebookName[] }
    | { readonly gradients: readonly GradientName[] };
  readonly recommended?: Recommendation;
}

/** The definitions of all named points. */
export function vectorKinds(points: readonly VectorPoint[]): QuantizerDefinition<VectorQuantizerConfig>[] {
  const claimed = points.flatMap(({ namedAfter }): readonly string[] => namesIn(namedAfter));
  return points.map((point) => {
    const { kind, summary, paper, initialization, namedAfter, recommended } = point;
    const takes = ({ name }: Part, own: readonly string[] | undefined): boolean => {
      if (namedAfter === undefined) return !claimed.includes(name);
      return own === undefined || own.includes(name);
    };
    const codebooks =
      namedAfter !== undefined && "codebooks" in namedAfter ? namedAfter.codebooks : undefined;
    const gradients =
      namedAfter !== undefined && "gradients" in namedAfter ? namedAfter.gradients : undefined;
    const choices = {
      codebook: ordered(
        codebookParts.filter((part) => takes(part, codebooks)),
        point.codebook,
      ),
      gradient: ordered(
        estimatorParts.filter((part) => takes(part, gradients)),
        point.gradient,
      ),
    };
    return {
      kind,
      summary,
      paper,
      ...vectorSchema({ kind, choices, initialization }),
      create: (config, random) => new VectorQuantizer(config, random),
      facts: vectorFacts,
      ...(recommended === undefined ? {} : { recommended }),
    };
  });
}

function namesIn(namedAfter: VectorPoint["namedAfter"]): readonly string[] {
  return namedAfter === undefined ? [] : Object.values(namedAfter).flat();
}

/** The default first, the others as they stand in the family. */
function ordered(parts: readonly Part[], first: string): readonly [Part, ...Part[]] {
  const [named, others] = [
    parts.filter(({ name }) => name === first),
    parts.filter(({ name }) => name !== first),
  ];
  return [...named, ...others] as unknown as readonly [Part, ...Part[]];
}
