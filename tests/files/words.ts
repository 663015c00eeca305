/**
 * The text that words.zst and words.lz4 beside this file hold: 1,200 words by a linear congruential generator.
 *
 * words.zst is what the program zstd 1.5 writes: the text 60 times at level 19 with a checksum (several blocks, which look
 * back beyond their own), a frame to be skipped, and the text once at level 1 without a checksum. words.lz4 is one raw block
 * of Arrow's LZ4, of the text three times.
 */
export function words(): Buffer {
  let state = 7;
  const all = Array.from({ length: 1200 }, () => {
    state = Number((BigInt(state) * 1103515245n + 12345n) % 2n ** 31n);
    const word = Math.floor(state / 2 ** 16) % 40;
    return ("abcdefghij"[word % 10] as string).repeat(Math.floor(word / 10) + 1);
  });
  return Buffer.from(all.join(" "));
}
