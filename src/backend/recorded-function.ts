import { backend, type NamedTensorMap, tidy } from "@tensorflow/tfjs";
import { OnnxBackend } from "./onnx-backend.js";
import { agree, type Plan, recordCall, repeatCall } from "./plan.js";

/** Computes tensors from tensors and may assign variables. It is called in a tidy scope. */
export type TensorFunction<I extends NamedTensorMap, O extends NamedTensorMap> = (inputs: I) => O;

/** Plans are kept by the inputs' shapes, of which a function sees few. */
const largestPlanCount = 8;

/**
 * A function that is recorded first and then repeated: as soon as two calls have recorded the same operations on the
 * same constants, the function itself is not called any more. Its graph is run on the inputs of the call and on the
 * present values of the variables, and the variables that it assigned get the results. That saves what recording
 * costs, several milliseconds for a training step of 500 operations.
 *
 * Whatever may change from call to call must therefore be an input or a variable: what else the function reads,
 * JavaScript numbers included, is taken for constant once it was the same twice. A function that makes variables,
 * reads values or draws random numbers is recorded at every call, as every function is on another backend.
 */
export class RecordedFunction<I extends NamedTensorMap, O extends NamedTensorMap> {
  readonly #body: TensorFunction<I, O>;
  readonly #plans = new Map<string, { readonly plan: Plan; readonly confirmed: boolean }>();
  #running: Promise<unknown> = Promise.resolve();

  constructor(body: TensorFunction<I, O>) {
    this.#body = body;
  }

  /**
   * Computes the outputs, which are the caller's to dispose, and assigns the variables. Calls run one after another.
   *
   * @param inputs remain the caller's, and must not be disposed before the call is done
   * @throws BackendError when the computation fails; variables keep their values if the call was a repeated one
   */
  call(inputs: I): Promise<O> {
    const result = this.#running.then(() => this.#call(inputs));
    this.#running = result.catch(() => undefined);
    return result;
  }

  /** Whether the next call with inputs of these shapes will be repeated and not recorded. */
  repeats(inputs: I): boolean {
    return this.#plans.get(signatureOf(inputs))?.confirmed ?? false;
  }

  async #call(inputs: I): Promise<O> {
    const engine = backend();
    if (!(engine instanceof OnnxBackend)) return tidy(() => this.#body(inputs));
    const signature = signatureOf(inputs);
    const known = this.#plans.get(signature);
    if (known?.confirmed) {
      const outputs = await repeatCall(engine, known.plan, inputs);
      if (outputs !== undefined) return outputs as O;
    }
    const { outputs, plan } = await recordCall(engine, this.#body, inputs);
    this.#keep(signature, plan && { plan, confirmed: known !== undefined && agree(known.plan, plan) });
    return outputs;
  }

  #keep(signature: string, entry: { readonly plan: Plan; readonly confirmed: boolean } | undefined): void {
    this.#plans.delete(signature);
    if (entry !== undefined) this.#plans.set(signature, entry);
    const [oldest] = this.#plans.keys();
    if (this.#plans.size > largestPlanCount && oldest !== undefined) this.#plans.delete(oldest);
  }
}

function signatureOf(inputs: NamedTensorMap): string {
  return Object.entries(inputs)
    .map(([name, { dtype, shape }]) => `${name} ${dtype}[${shape}]`)
    .join();
}
