import { backend, dispose, type NamedTensorMap, tidy } from "../tf/index.js";
import { BackendError } from "./errors.js";
import { OnnxBackend } from "./onnx-backend.js";
import { agree, type Plan, type RecordedCall, recordCall, repeatCall } from "./plan.js";

/** Computes tensors from tensors and may assign variables. It is called in a tidy scope. */
export type TensorFunction<I extends NamedTensorMap, O extends NamedTensorMap> = (inputs: I) => O;

/** Plans are kept by the inputs' shapes, of which a function sees few. */
const largestPlanCount = 8;

/** So many calls are repeated before one is recorded again to see whether it is the same still; twice as many each time. */
const firstRepeats = 16;
const mostRepeats = 256;

/** What is known of calls with inputs of some shapes. */
interface Entry {
  readonly plan: Plan;
  /** Calls to repeat before the next is recorded; 0 as long as no two were the same. */
  readonly repeats: number;
  /** Calls repeated since the last that was recorded. */
  repeated: number;
}

/**
 * A function that is recorded first and then repeated: as soon as two calls have recorded the same operations on the
 * same constants, the function itself is not called any more. Its graph is run on the inputs of the call and on the
 * present values of the variables, and the variables that it assigned get the results. That saves what recording
 * costs, several milliseconds for a training step of 500 operations.
 *
 * Whatever may change from call to call must therefore be an input or a variable: what else the function reads,
 * JavaScript numbers included, is taken for constant once it was the same twice. A function that makes variables,
 * reads values or draws random numbers is recorded at every call, as every function is on another backend.
 *
 * Now and then (after 16 repeated calls, then 32, and at most 256) a call is recorded again. That computes the same,
 * and finds a function that has changed since, which is an error.
 */
export class RecordedFunction<I extends NamedTensorMap, O extends NamedTensorMap> {
  readonly #body: TensorFunction<I, O>;
  readonly #repeatable: boolean;
  readonly #plans = new Map<string, Entry>();
  #running: Promise<unknown> = Promise.resolve();

  /** @param options.repeatable false for a function that may do something else at each call: all are recorded */
  constructor(body: TensorFunction<I, O>, { repeatable = true } = {}) {
    this.#body = body;
    this.#repeatable = repeatable;
  }

  /**
   * Computes the outputs, which are the caller's to dispose, and assigns the variables. Calls run one after another.
   *
   * @param inputs remain the caller's, and must not be disposed before the call is done
   * @param options.record makes this call a recorded one: after it, all repeated calls are known to have been right
   * @throws BackendError when the computation fails; variables keep their values if the call was a repeated one.
   * BackendError("not-repeatable") when the function is not what it was: what was repeated since the last recorded call
   * may be wrong, and variables have values that follow from it
   */
  call(inputs: I, { record = false } = {}): Promise<O> {
    const result = this.#running.then(() => this.#call(inputs, record));
    this.#running = result.catch(() => undefined);
    return result;
  }

  /** Whether the next call with inputs of these shapes will be repeated and not recorded. */
  repeats(inputs: I): boolean {
    const known = this.#plans.get(signatureOf(inputs));
    return known !== undefined && known.repeated < known.repeats;
  }

  async #call(inputs: I, record: boolean): Promise<O> {
    const engine = backend();
    if (!this.#repeatable || !(engine instanceof OnnxBackend)) return tidy(() => this.#body(inputs));
    const signature = signatureOf(inputs);
    const known = this.#plans.get(signature);
    if (!record && known !== undefined && known.repeated < known.repeats) {
      const outputs = await repeatCall(engine, known.plan, inputs);
      known.repeated++;
      if (outputs !== undefined) return outputs as O;
    }
    const call = await recordCall(engine, this.#body, inputs);
    this.#keep(signature, known, call);
    return call.outputs;
  }

  /** Compares a call that was recorded with the one before, and keeps it. @throws BackendError("not-repeatable") */
  #keep(signature: string, known: Entry | undefined, { outputs, plan, isPure }: RecordedCall<O>): void {
    const isSame = known !== undefined && plan !== undefined && agree(known.plan, plan);
    const hasChanged = known !== undefined && known.repeats > 0 && !isSame;
    this.#plans.delete(signature);
    if (hasChanged && (plan !== undefined || !isPure)) {
      dispose(outputs);
      throw new BackendError(
        "not-repeatable",
        `A recorded function made other operations, or read other constants, than before its last ${known.repeated} calls, which were repeated. Whatever may change must be an input or a variable.`,
      );
    }
    if (plan === undefined) return;
    const repeats = isSame ? Math.min(mostRepeats, Math.max(firstRepeats, 2 * known.repeats)) : 0;
    this.#plans.set(signature, { plan, repeats, repeated: 0 });
    const [oldest] = this.#plans.keys();
    if (this.#plans.size > largestPlanCount && oldest !== undefined) this.#plans.delete(oldest);
  }
}

function signatureOf(inputs: NamedTensorMap): string {
  return Object.entries(inputs)
    .map(([name, { dtype, shape }]) => `${name} ${dtype}[${shape}]`)
    .join();
}
