/** Methods that people ask for by name, and what comes nearest here where there is no kind of that name. */
const absentKinds: readonly { readonly names: RegExp; readonly nearest: string }[] = [
  {
    names: /^(gumbel.*|softmax|concrete|dvae|d-vae)$/,
    nearest: 'Sampled codes are an estimator of vq: set its gradient to "gumbel-softmax".',
  },
  {
    names: /^(ibq|index-?back.*)$/,
    nearest: 'That is vq with codebook "inner-product" and gradient "softmax".',
  },
  {
    names: /^(diveq|nsvq|reflection)$/,
    nearest: "That is a gradient estimator: choose vq and set its gradient.",
  },
  {
    names: /^(cosine|spherical|unit-?sphere|l2-?norm.*)$/,
    nearest: 'That is a codebook of vq or rotation: set its codebook to "sphere".',
  },
  {
    names: /^(vae|kl|ae|autoencoder|none|continuous)$/,
    nearest: "A model without a quantizer is not built in: every model here gives integers.",
  },
];

/** What comes nearest to a kind that is not registered; undefined where that name says nothing to us. */
export function nearestToAbsent(kind: string): string | undefined {
  const plain = kind.toLowerCase().replace(/[_ ]/g, "-");
  return absentKinds.find(({ names }) => names.test(plain))?.nearest;
}
