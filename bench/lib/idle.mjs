import { cpus } from "node:os";

/** Milliseconds that the processors have worked and waited since the machine started. */
function spent() {
  let [busy, all] = [0, 0];
  for (const { times } of cpus()) {
    const total = Object.values(times).reduce((sum, time) => sum + time, 0);
    busy += total - times.idle;
    all += total;
  }
  return { busy, all };
}

/** The share of the processors' time that other programs use, 0..1, over two seconds in which this one sleeps. */
export function busyShare(milliseconds = 2000) {
  const before = spent();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  const after = spent();
  return (after.busy - before.busy) / Math.max(1, after.all - before.all);
}
