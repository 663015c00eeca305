import { ShapeError, VqkitError } from "../../core/errors.js";
import { unknownName } from "../../core/suggest.js";
import * as tf from "../../tf/index.js";

/** What changes from one step to the next. */
export interface StepOptions {
  readonly learningRate: number;
  /** 1 for the first step of this optimizer; bias corrections depend on it. */
  readonly step: number;
}

/** What is to become of one variable θ: at the end of the chain θ ← `from` − `change`. */
export interface Update {
  readonly variable: tf.Variable;
  /** θ as the step found it, or what weight decay made of it. */
  readonly from: tf.Tensor;
  /** The gradient, and what the parts before have made of it. */
  readonly change: tf.Tensor;
}

/** Updates by the name of their variable. */
export type Updates = ReadonlyMap<string, Update>;

/** Scalars by name. A type and not an interface, for `tf.tidy`. */
export type Scalars = Readonly<Record<string, tf.Scalar>>;

/** What all parts of a chain may look at. */
export interface StepView {
  /** Global norm of the gradients as they came in. */
  norm(): tf.Scalar;
  /** The part's own `scalars` of this step. */
  readonly scalars: Scalars;
}

/**
 * One part of an optimizer: it changes the updates on their way from the gradients to the weights. Parts know nothing of
 * one another; their order is the chain's.
 *
 * A part is pure arithmetic on tensors: it reads no value and assigns nothing but its own state, so that a recording
 * engine runs the step as part of one graph.
 */
export interface OptimizerPart {
  /** All that depends on the step, computed in double precision; each becomes an input of a recorded step. */
  scalars(options: StepOptions): Readonly<Record<string, number>>;
  /** Called in a tidy scope, once a step. */
  apply(updates: Updates, view: StepView): Updates;
  /** State by name, which a checkpoint keeps; empty for a part without any. */
  state(): ReadonlyMap<string, tf.Variable>;
  /** Frees the state. */
  dispose(): void;
}

/** The part of a chain without state: most have none. */
export const stateless: Pick<OptimizerPart, "state" | "dispose"> = {
  state: () => new Map(),
  dispose: () => {},
};

/**
 * Moves variables against their gradients, by a chain of parts:
 * `new Optimizer(variables, [clipping(1), decoupledDecay(0.1), adam(variables, moments)])`.
 */
export class Optimizer {
  readonly #variables: ReadonlyMap<string, tf.Variable>;
  readonly #parts: readonly OptimizerPart[];

  /**
   * @param variables float32, by name; those with `trainable` false are never changed
   * @param parts belong to the optimizer from here on: `dispose` frees their state
   */
  constructor(variables: ReadonlyMap<string, tf.Variable>, parts: readonly OptimizerPart[]) {
    this.#variables = new Map([...variables].filter(([, { trainable }]) => trainable));
    this.#parts = parts;
    const names = parts.flatMap((part) => [...part.state().keys()]);
    const again = names.find((name, i) => names.indexOf(name) < i);
    if (again !== undefined) {
      throw new VqkitError("run", `optimizer: expected parts with states of their own, got two "${again}".`);
    }
  }

  /** The variables that it moves. */
  get variables(): ReadonlyMap<string, tf.Variable> {
    return this.#variables;
  }

  /** All that depends on the step, as tensors, which are the caller's: a recorded step takes them as its inputs. */
  stepScalars(options: StepOptions): Scalars {
    const named = this.#parts.flatMap((part, i) =>
      Object.entries(part.scalars(options)).map(
        ([name, value]) => [`${i}/${name}`, tf.scalar(value)] as const,
      ),
    );
    return Object.fromEntries(named);
  }

  /**
   * Makes one step. A variable without a gradient is skipped: neither it nor its state changes, and no weight decay
   * applies. Its later bias corrections still use the step of the run.
   *
   * Call it inside `tf.tidy`.
   *
   * @param gradients by variable name; they stay the caller's
   * @param scalars of the step; they stay the caller's
   * @param known the global norm of the gradients, where it is there already
   * @throws VqkitError for a name that is no trainable variable, ShapeError for a gradient of another shape
   */
  apply(gradients: ReadonlyMap<string, tf.Tensor>, scalars: Scalars, known?: tf.Scalar): void {
    const start = new Map([...gradients].map(([name, gradient]) => [name, this.#update(name, gradient)]));
    tf.tidy(() => {
      const norm = (): tf.Scalar => known ?? globalNorm([...gradients.values()]);
      const updates = this.#parts.reduce<Updates>(
        (before, part, i) => part.apply(before, { norm, scalars: scalarsOf(scalars, i) }),
        start,
      );
      for (const { variable, from, change } of updates.values()) variable.assign(tf.sub(from, change));
    });
  }

  /** The state of all parts by name: what a checkpoint keeps. */
  state(): ReadonlyMap<string, tf.Variable> {
    return new Map(this.#parts.flatMap((part) => [...part.state()]));
  }

  /** Frees the state; the variables are the caller's. */
  dispose(): void {
    for (const part of this.#parts) part.dispose();
  }

  #update(name: string, gradient: tf.Tensor): Update {
    const variable = this.#variables.get(name);
    if (variable === undefined)
      throw new VqkitError("run", unknownName("variable", name, [...this.#variables.keys()]));
    const { shape } = variable;
    if (!tf.util.arraysEqual(shape, gradient.shape)) {
      throw new ShapeError(`gradient of "${name}"`, `[${shape.join(",")}]`, gradient.shape);
    }
    return { variable, from: variable, change: gradient };
  }
}

/** Those of the part at a place of the chain, by the names that it gave them. */
function scalarsOf(all: Scalars, place: number): Scalars {
  const prefix = `${place}/`;
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, scalar]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), scalar] as const] : [],
    ),
  );
}

/** sqrt(Σ of all squared elements); 0 for no tensors. */
export function globalNorm(tensors: readonly tf.Tensor[]): tf.Scalar {
  return tf.tidy(() => {
    if (tensors.length === 0) return tf.scalar(0);
    const squares = tensors.map((tensor) => tf.reshape(tf.sum(tf.square(tensor)), [1]) as tf.Tensor1D);
    return tf.sqrt(tf.sum(tf.concat(squares))) as tf.Scalar;
  });
}
