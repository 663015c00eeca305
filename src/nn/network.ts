import * as tf from "../tf/index.js";
import type { Layer, LayerContext, LayerCost, MapSize } from "./layer.js";
import { initialValues, type Parameter } from "./parameter.js";
import { checkWeights, type WeightValues } from "./state-dict.js";

/** What a network's parameters start from. */
export interface NetworkStart {
  /** Draws what `weights` lacks; without it, `weights` has to hold every parameter. */
  readonly seed?: number;
  /** Values by name; copied. What the network has no parameter for is an error. */
  readonly weights?: WeightValues;
}

/** What some layers need besides the image that they are applied to. */
export type NetworkInputs = Pick<LayerContext, "codes">;

/** The same of a network's training form. */
interface TrainingInputs extends NetworkInputs {
  readonly after?: TrainingOutput["statistics"];
}

/** What the training form of a network returns. A type and not an interface, for `tf.tidy`. */
export type TrainingOutput = {
  /** [N, H', W', C'] */
  readonly output: tf.Tensor4D;
  /** By parameter name: what running statistics become after the step. Empty for networks that keep none. */
  readonly statistics: Readonly<Record<string, tf.Tensor>>;
};

/** A layer, or many in a sequence, with the variables that hold its parameters. */
export class Network {
  readonly #layer: Layer;
  readonly #variables: ReadonlyMap<string, tf.Variable>;

  private constructor(layer: Layer, variables: ReadonlyMap<string, tf.Variable>) {
    this.#layer = layer;
    this.#variables = variables;
  }

  /**
   * Makes the variables of a layer. Nothing is drawn for a parameter whose values are given.
   *
   * @throws VqkitError("format") naming weights that are missing, unknown, or of another shape; TypeError for two
   * parameters of one name
   */
  static create(layer: Layer, { seed, weights = new Map() }: NetworkStart): Network {
    const parameters = new Map(layer.parameters.map((parameter) => [parameter.name, parameter]));
    if (parameters.size < layer.parameters.length)
      throw new TypeError(`two parameters of one name: ${twice(layer)}`);
    checkWeights(parameters, weights, { part: seed !== undefined });
    const variables = new Map<string, tf.Variable>();
    for (const parameter of parameters.values()) {
      const { name, shape, trainable = true } = parameter;
      // A copy of what is given, because the engine may keep the very array.
      const values = weights.get(name)?.data.slice() ?? initialValues(parameter, seed as number);
      variables.set(
        name,
        tf.tidy(() => tf.variable(tf.tensor(values, [...shape]), trainable)),
      );
    }
    return new Network(layer, variables);
  }

  /**
   * The inference form.
   *
   * @param x [N, H, W, C]
   * @param given what its layers need besides
   * @returns [N, H', W', C']
   */
  apply(x: tf.Tensor4D, given: NetworkInputs = {}): tf.Tensor4D {
    return tf.tidy(() => this.#layer.apply(x, { ...given, weight: this.#weight }));
  }

  /**
   * The training form; changes no variable. `assignStatistics` takes what it returns.
   *
   * @param given.after the statistics of an earlier pass of the same step, which this one continues
   */
  applyTraining(x: tf.Tensor4D, { after = {}, ...given }: TrainingInputs = {}): TrainingOutput {
    return tf.tidy(() => {
      const weight = (name: string): tf.Tensor => after[name] ?? this.#weight(name);
      const told = new Map<string, tf.Tensor>();
      // Kept, for layers are applied in scopes of their own.
      const onStatistic = (name: string, value: tf.Tensor) => void told.set(name, tf.keep(value));
      const output = this.#layer.apply(x, { ...given, weight, onStatistic });
      const own = [...told].map(([name, value]) => [name, value.clone()] as const);
      tf.dispose([...told.values()]);
      return { output, statistics: { ...after, ...Object.fromEntries(own) } };
    });
  }

  /** Sets running statistics to what `applyTraining` returned. */
  assignStatistics(statistics: TrainingOutput["statistics"]): void {
    for (const [name, value] of Object.entries(statistics)) this.#weight(name).assign(value);
  }

  /** @throws ShapeError for a size that some layer cannot take */
  cost(input: MapSize): LayerCost {
    return this.#layer.cost(input);
  }

  /** Every parameter's variable by name, in the layers' order. */
  variables(): ReadonlyMap<string, tf.Variable> {
    return this.#variables;
  }

  dispose(): void {
    for (const variable of this.#variables.values()) variable.dispose();
  }

  readonly #weight = (name: string): tf.Variable => {
    const variable = this.#variables.get(name);
    if (variable === undefined) throw new TypeError(`no weight "${name}"`);
    return variable;
  };
}

function twice({ parameters }: Layer): string {
  const names = parameters.map(({ name }: Parameter) => name);
  return names.find((name, i) => names.indexOf(name) < i) ?? "";
}
