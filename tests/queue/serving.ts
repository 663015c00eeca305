import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { type ServeOptions, serveQueue, type WorkerEvent } from "../../src/queue/index.js";

/** Every file of a folder, by name. */
export async function filesOf(dir: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of await readdir(dir))
    files[name] = (await readFile(path.join(dir, name))).toString("latin1");
  return files;
}

/** Lets a worker serve in this process for as long as `work` takes, and tells what it told. */
export async function served<T>(
  shared: string,
  url: string,
  work: () => Promise<T>,
  more: Partial<ServeOptions> = {},
): Promise<{ readonly result: T; readonly events: readonly WorkerEvent[] }> {
  const stop = new AbortController();
  const events: WorkerEvent[] = [];
  const worker = serveQueue({
    ...{ queue: { url }, shared, signal: stop.signal },
    load: { workers: 0 },
    onEvent: (event) => events.push(event),
    ...more,
  });
  try {
    return { result: await work(), events };
  } finally {
    stop.abort();
    await worker;
  }
}
