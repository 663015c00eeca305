/** One call of the mapped function. */
export type PrefetchJob<T, R> = (item: T, signal: AbortSignal) => Promise<R>;

export interface PrefetchOptions {
  /** Jobs that run beyond the one the consumer waits for; 0 computes nothing ahead of demand. */
  readonly ahead: number;
}

/**
 * Maps items to results in order, working ahead: at most `ahead + 1` jobs are under way or finished and not yet taken.
 * Nothing starts before the first result is asked for, and items are drawn one at a time, so they may be infinite.
 *
 * A job that fails fails the iteration when its turn comes, after the results before it. When the iteration ends, by
 * the last item, by an error, or because the consumer stopped, the signal that jobs receive is aborted, and the
 * iteration is over only when every started job has settled: no work is left behind.
 */
export async function* mapAhead<T, R>(
  items: Iterable<T>,
  job: PrefetchJob<T, R>,
  options: PrefetchOptions,
): AsyncGenerator<R, void, undefined> {
  const source = items[Symbol.iterator]();
  const stop = new AbortController();
  const running: Promise<R>[] = [];
  let exhausted = false;

  const refill = (): void => {
    while (!exhausted && running.length <= options.ahead) {
      const next = source.next();
      if (next.done === true) {
        exhausted = true;
        return;
      }
      const result = job(next.value, stop.signal);
      // Its turn to be awaited may come later than its failure, which until then is not an unhandled one.
      result.catch(() => {});
      running.push(result);
    }
  };

  try {
    for (refill(); running.length > 0; refill()) {
      const value = await (running[0] as Promise<R>);
      running.shift();
      yield value;
    }
  } finally {
    stop.abort();
    if (!exhausted) source.return?.();
    await Promise.allSettled(running);
  }
}
