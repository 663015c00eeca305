const MARKS: readonly { readonly encoding: string; readonly bytes: readonly number[] }[] = [
  { encoding: "utf-8", bytes: [0xef, 0xbb, 0xbf] },
  // UTF-32 before UTF-16, whose mark its own begins with.
  { encoding: "utf-32", bytes: [0xff, 0xfe, 0, 0] },
  { encoding: "utf-32", bytes: [0, 0, 0xfe, 0xff] },
  { encoding: "utf-16le", bytes: [0xff, 0xfe] },
  { encoding: "utf-16be", bytes: [0xfe, 0xff] },
];

/**
 * The text of a file that a person or another program wrote: in UTF-8, or in UTF-16 where a byte order mark says so, as
 * Windows PowerShell writes it. The mark is no part of the text.
 *
 * @param options.strict refuse bytes that are no text in that encoding; else U+FFFD stands for them. Default false
 * @throws Error for UTF-32; TypeError where `strict` refuses
 */
export function decodeText(bytes: Uint8Array, options: { readonly strict?: boolean } = {}): string {
  const mark = MARKS.find(({ bytes: first }) => first.every((byte, i) => bytes[i] === byte));
  const { encoding = "utf-8" } = mark ?? {};
  if (encoding === "utf-32") throw new Error("expected text in UTF-8 or UTF-16, got UTF-32");
  // The decoder takes the mark away.
  return new TextDecoder(encoding, { fatal: options.strict ?? false }).decode(bytes);
}
