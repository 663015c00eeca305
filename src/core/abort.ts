/**
 * Waits for a promise no longer than until a signal is aborted.
 *
 * @throws what the promise is rejected with; the signal's reason once it is aborted, whatever becomes of the promise
 */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let stop: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([aborted, work]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Values as they come, until a signal is aborted: then the iteration fails with its reason, without waiting for a next one. */
export async function* untilAborted<T>(
  values: AsyncGenerator<T, void, undefined>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  if (signal === undefined) {
    yield* values;
    return;
  }
  try {
    for (;;) {
      signal.throwIfAborted();
      const next = await abortable(values.next(), signal);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // A generator that still works on its next value ends when it has it: that is nobody's to wait for.
    const ended = values.return();
    if (signal.aborted) ended.catch(() => {});
    else await ended;
  }
}
