/** Methods that people ask for by name, and what comes nearest here where there is no kind of that name. */
const absentKinds: readonly { readonly names: RegExp; readonly nearest: string }[] = [
  {
    names: /^(lfq|lookup-?free.*|bsq|binary.*)$/,
    nearest: "Nearest to binary codes without a table is fsq whose levels are all 2.",
  },
  {
    names: /^(rvq|rq|rq-?vae|residual.*|pq|product.*|grouped.*|multi-?head.*)$/,
    nearest: "Codes of several codebooks are not built in; a kind of one's own may have them.",
  },
  {
    names: /^(gumbel.*|dvae|d-?vae|softmax|concrete)$/,
    nearest: "Sampled codes are not built in; vq chooses the nearest code.",
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
