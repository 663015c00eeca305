/**
 * The same items, in a loop that may be left early without waiting for the source to close.
 *
 * tar-stream's iterator waits then until its current write has ended, which a header with a negative size never lets
 * happen: whoever leaves the loop has to destroy the stream.
 */
export function uninterrupted<T>(items: AsyncIterable<T>): AsyncIterable<T> {
  const iterator = items[Symbol.asyncIterator]();
  return { [Symbol.asyncIterator]: () => ({ next: () => iterator.next() }) };
}
