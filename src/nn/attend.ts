import * as tf from "../tf/index.js";

/**
 * Rows of queries that are compared with all keys at a time: so many rows of scores exist at once, however large the
 * image is. On a grid of 128×128 a block is 32 MiB, the whole matrix would be 1 GiB.
 */
export const QUERY_ROWS = 512;

/**
 * softmax(q·kᵀ)·v, in blocks of rows, with gradients. Nothing of the scores is kept for these: they are computed again,
 * block by block, as in FlashAttention (arXiv 2205.14135).
 *
 * @param queries [N, M, C], scaled already
 * @param keys [N, P, C]
 * @param values [N, P, C]
 * @returns [N, M, C]
 */
export function attend(queries: tf.Tensor3D, keys: tf.Tensor3D, values: tf.Tensor3D): tf.Tensor3D {
  const operator = tf.customGrad((...given) => {
    const [q, k, v, save] = given as unknown as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D, tf.GradSaveFunc];
    save([q, k, v]);
    const made = inBlocks(q.shape[1], (begin, rows) =>
      tf.matMul(probabilities(rowsOf(q, begin, rows), k), v),
    );
    return {
      value: tf.concat(made, 1),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => gradients(dy as tf.Tensor3D, saved as Operands),
    };
  });
  return operator(queries, keys, values) as tf.Tensor3D;
}

type Operands = [q: tf.Tensor3D, k: tf.Tensor3D, v: tf.Tensor3D];

/** With P = softmax(q·kᵀ): dv = Pᵀ·dy, dS = P ∘ (dy·vᵀ − Σ over keys of P ∘ dy·vᵀ), dq = dS·k, dk = dSᵀ·q. */
function gradients(dy: tf.Tensor3D, [q, k, v]: Operands): tf.Tensor3D[] {
  const parts = inBlocks(q.shape[1], (begin, rows) => {
    const [own, given] = [rowsOf(q, begin, rows), rowsOf(dy, begin, rows)];
    const p = probabilities(own, k); // [N, rows, P]
    const toP = tf.matMul(given, v, false, true);
    const toScores = tf.mul(p, tf.sub(toP, tf.sum(tf.mul(p, toP), 2, true)));
    return {
      toQueries: tf.matMul<tf.Tensor3D>(toScores, k),
      toKeys: tf.matMul<tf.Tensor3D>(toScores, own, true),
      toValues: tf.matMul<tf.Tensor3D>(p, given, true),
    };
  });
  const summed = (all: readonly tf.Tensor3D[]) => all.reduce((total, each) => tf.add(total, each));
  return [
    tf.concat(
      parts.map(({ toQueries }) => toQueries),
      1,
    ),
    summed(parts.map(({ toKeys }) => toKeys)),
    summed(parts.map(({ toValues }) => toValues)),
  ];
}

function probabilities(queries: tf.Tensor3D, keys: tf.Tensor3D): tf.Tensor3D {
  return tf.softmax(tf.matMul(queries, keys, false, true), 2);
}

function rowsOf(x: tf.Tensor3D, begin: number, rows: number): tf.Tensor3D {
  return rows === x.shape[1] ? x : tf.slice(x, [0, begin, 0], [-1, rows, -1]);
}

function inBlocks<T>(count: number, compute: (begin: number, rows: number) => T): T[] {
  return Array.from({ length: Math.ceil(count / QUERY_ROWS) }, (_, block) => {
    const begin = block * QUERY_ROWS;
    return compute(begin, Math.min(QUERY_ROWS, count - begin));
  });
}
