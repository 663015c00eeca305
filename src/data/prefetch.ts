/** One call of the mapped function. */
export type PrefetchJob<T, R> = (item: T, signal: AbortSignal) => Promise<R>;

export interface PrefetchOptions {
  /** Jobs that run beyond the one the consumer waits for; 0 computes nothing ahead of demand. */
  readonly ahead: number;
}

/** Stands where the source had no further item. */
const END = Symbol("end");

/**
 * Maps items to results in order, working ahead: at most `ahead + 1` jobs are under way or finished and not yet taken.
 * Nothing starts before the first result is asked for, and items are drawn one at a time, so they may be infinite.
 *
 * A job that fails fails the iteration when its turn comes, after the results before it; so does a source that fails.
 * When the iteration ends, by the last item, by an error, or because the consumer stopped, the signal that jobs receive
 * is aborted, and the iteration is over only when every started job has settled: no work is left behind.
 */
export async function* mapAhead<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  job: PrefetchJob<T, R>,
  options: PrefetchOptions,
): AsyncGenerator<R, void, undefined> {
  const source = openItems(items);
  const stop = new AbortController();
  const running: Promise<R | typeof END>[] = [];
  let exhausted = false;

  const begin = (next: IteratorResult<T, unknown>): Promise<R> | typeof END => {
    if (next.done !== true && !stop.signal.aborted) return job(next.value, stop.signal);
    exhausted = true;
    return END;
  };
  const refill = (): void => {
    while (!exhausted && running.length <= options.ahead) {
      const next = source.draw(stop.signal);
      const result = next instanceof Promise ? next.then<R | typeof END>(begin) : begin(next);
      if (result === END) return;
      // Its turn to be awaited may come later than its failure, which until then is not an unhandled one.
      result.catch(() => {});
      running.push(result);
    }
  };

  try {
    for (refill(); running.length > 0; refill()) {
      const value = await (running[0] as Promise<R | typeof END>);
      running.shift();
      if (value !== END) yield value;
    }
  } finally {
    stop.abort();
    if (!exhausted) await source.close();
    await Promise.allSettled(running);
  }
}

interface Items<T> {
  /** The next item: at once where the source has it at once. After an abort, none. */
  draw(signal: AbortSignal): IteratorResult<T, unknown> | Promise<IteratorResult<T, unknown>>;
  close(): unknown;
}

function openItems<T>(items: Iterable<T> | AsyncIterable<T>): Items<T> {
  if (!(Symbol.asyncIterator in items)) {
    const source = items[Symbol.iterator]();
    return { draw: () => source.next(), close: () => source.return?.() };
  }
  const source = items[Symbol.asyncIterator]();
  // Not every asynchronous iterator can be asked for an item while it still works on the one before.
  let last: Promise<unknown> = Promise.resolve();
  return {
    draw(signal) {
      const next = last.then(() =>
        signal.aborted ? { done: true as const, value: undefined } : source.next(),
      );
      last = next;
      return next;
    },
    close: () => source.return?.(),
  };
}
