/** Whether a stream is a terminal; those of tests and pipes do not say. */
export function isTerminal(stream: object): boolean {
  return "isTTY" in stream && stream.isTTY === true;
}
