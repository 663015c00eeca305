/** Codes as tokens of a language model. */
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { ConfigError, VqkitError } from "../../core/errors.js";
import type { JsonObject } from "../../files/index.js";
import { type IndexArray, indexArray } from "../codes.js";
import { asFormatError, type CodeKind } from "./contents.js";

/** Where codes lie in the vocabulary of a language model, and how images are parted. */
export interface TokenOptions {
  /** The token of index 0 of the first codebook, >= 0: the size of a vocabulary that comes before. Default 0. */
  readonly offset?: number;
  /** The token that begins each image; null for none. Default: the one behind the last code. */
  readonly begin?: number | null;
  /** The share of images that go into the validation part, 0..1; 0 makes none. Default 0.1. */
  readonly validation?: number;
}

/** Tokens have 32 bits at most; the largest number stands for none. */
const MOST_TOKENS = 2 ** 32 - 1;

export const tokenSchema = z.strictObject({
  offset: z
    .int()
    .min(0)
    .max(MOST_TOKENS - 1)
    .default(0),
  begin: z
    .int()
    .min(0)
    .max(MOST_TOKENS - 1)
    .nullable()
    .exactOptional(),
  validation: z.number().min(0).max(1).default(0.1),
});

/**
 * The tokens of a model's codes: index i of codebook q is offset + q·K + i, so that the codebooks of a position have
 * tokens of their own.
 */
export interface Vocabulary {
  readonly offset: number;
  /** null where images begin with no token of their own. */
  readonly begin: number | null;
  /** One more than the largest token. */
  readonly size: number;
  /** Of a token: 2 where all of them fit into 16 bits, else 4. */
  readonly bytes: 2 | 4;
  /** K. */
  readonly codebookSize: number;
  /** Q. */
  readonly numCodebooks: number;
}

/**
 * @param settings of a folder of codes: `tokens` says where codes lie
 * @throws ConfigError at `tokens` for a begin token that is a code; VqkitError("codes") for more tokens than 32 bits have;
 * VqkitError("format") for settings without `tokens`
 */
export function vocabularyOf(
  { codebookSize, numCodebooks }: CodeKind,
  settings: JsonObject,
): Vocabulary & { readonly validation: number } {
  const { offset, validation, begin: given } = tokensOf(settings);
  const end = offset + codebookSize * numCodebooks;
  if (given !== undefined && given !== null && given >= offset && given < end) {
    throw new ConfigError(
      "tokens.begin",
      `expected a token beside those of the codes, ${offset}..${end - 1}, got ${given}.`,
    );
  }
  const begin = given === undefined ? end : given;
  const size = Math.max(end, (begin ?? 0) + 1);
  if (size > MOST_TOKENS) {
    throw new VqkitError("codes", `bin: expected fewer than 2^32 tokens, got ${size}. Use another format.`);
  }
  return { offset, begin, size, bytes: size <= 65_536 ? 2 : 4, codebookSize, numCodebooks, validation };
}

function tokensOf({ tokens }: JsonObject): z.output<typeof tokenSchema> {
  try {
    return parseConfig(tokenSchema, tokens, "settings.tokens");
  } catch (error) {
    throw asFormatError(error, "manifest");
  }
}

/** The tokens of an entry: that which begins an image, where there is one, then its indices in their order. */
export function tokensFrom(indices: IndexArray, vocabulary: Vocabulary): Uint16Array | Uint32Array {
  const { offset, begin, bytes, codebookSize, numCodebooks } = vocabulary;
  const first = begin === null ? 0 : 1;
  const length = first + indices.length;
  const tokens = bytes === 2 ? new Uint16Array(length) : new Uint32Array(length);
  if (begin !== null) tokens[0] = begin;
  for (let i = 0; i < indices.length; i++) {
    tokens[first + i] = offset + (i % numCodebooks) * codebookSize + (indices[i] as number);
  }
  return tokens;
}

/** The way back. @returns the indices; or the place of the first token that is none of a code of its codebook */
export function indicesOf(
  tokens: Uint16Array | Uint32Array,
  { offset, begin, codebookSize, numCodebooks }: Vocabulary,
): IndexArray | { readonly wrongAt: number } {
  const first = begin === null ? 0 : 1;
  if (begin !== null && tokens[0] !== begin) return { wrongAt: 0 };
  const indices = indexArray(codebookSize, tokens.length - first);
  for (let i = 0; i < indices.length; i++) {
    const index = (tokens[first + i] as number) - offset - (i % numCodebooks) * codebookSize;
    if (index < 0 || index >= codebookSize) return { wrongAt: first + i };
    indices[i] = index;
  }
  return indices;
}
