import { withoutGradient } from "../quantizers/index.js";
import * as tf from "../tf/index.js";

/** `value`, with a gradient to `x` that is known already and to nothing else. */
export function withGradient(x: tf.Tensor4D, value: tf.Scalar, gradient: tf.Tensor4D): tf.Scalar {
  const [constant, known] = [withoutGradient(() => value.clone()), withoutGradient(() => gradient.clone())];
  const operator = tf.customGrad((...given) => {
    const [, save] = given as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    save([known]);
    return {
      value: constant.clone(),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.mul(dy, saved as tf.Tensor),
    };
  });
  return operator(x) as tf.Scalar;
}
