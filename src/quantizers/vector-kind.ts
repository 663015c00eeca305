import type { QuantizerDefinition, Recommendation } from "./definition.js";
import { type CodebookName, codebookParts, estimatorParts, type GradientName } from "./family/parts.js";
import type { Paper } from "./paper.js";
import type { Part } from "./part.js";
import type { Initialization, VectorQuantizerConfig } from "./vector-config.js";
import { vectorFacts } from "./vector-facts.js";
import { VectorQuantizer } from "./vector-quantizer.js";
import { type Choices, vectorSchema } from "./vector-schema.js";

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
  readonly namedAfter?: {
    readonly codebook?: readonly CodebookName[];
    readonly gradient?: readonly GradientName[];
  };
  readonly recommended?: Recommendation;
}

/** The definitions of all named points. */
export function vectorKinds(points: readonly VectorPoint[]): QuantizerDefinition<VectorQuantizerConfig>[] {
  const claimed = points.flatMap(({ namedAfter = {} }): readonly string[] =>
    Object.values(namedAfter).flat(),
  );
  return points.map((point) => {
    const { kind, summary, paper, initialization, recommended } = point;
    const choices = {
      codebook: choicesOf(point, { axis: "codebook", parts: codebookParts, claimed }),
      gradient: choicesOf(point, { axis: "gradient", parts: estimatorParts, claimed }),
    };
    const schema = vectorSchema({ kind, choices, initialization });
    return {
      kind,
      summary,
      paper,
      parse: schema.parse,
      get options() {
        return schema.options;
      },
      create: (config, random) => new VectorQuantizer(config, random),
      facts: vectorFacts,
      ...(recommended === undefined ? {} : { recommended }),
    };
  });
}

interface Axis {
  readonly axis: keyof Choices;
  /** All of the family. */
  readonly parts: readonly Part[];
  /** The names of parts that some kind is named after. */
  readonly claimed: readonly string[];
}

/** The parts that a kind takes on one axis, its default first, the others as they stand in the family. */
function choicesOf(point: VectorPoint, { axis, parts, claimed }: Axis): Choices[typeof axis] {
  const { namedAfter } = point;
  const own: readonly string[] | undefined = namedAfter?.[axis];
  const takes = ({ name }: Part): boolean =>
    namedAfter === undefined ? !claimed.includes(name) : own === undefined || own.includes(name);
  const isDefault = ({ name }: Part): boolean => name === point[axis];
  const first = parts.find((part) => takes(part) && isDefault(part));
  if (first === undefined)
    throw new TypeError(`${point.kind}: it does not take its own ${axis}, ${point[axis]}`);
  return [first, ...parts.filter((part) => takes(part) && !isDefault(part))];
}
