/** What tools/fuzz.mjs runs, in a process of its own: one line a target, and exit code 1 at the first failure. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fuzz } from "./harness.js";
import { fuzzTargets } from "./targets.js";

const [, , given = "{}"] = process.argv;
const options = JSON.parse(given) as { cases: string; seed: string; target: string; golden: string };
const folder = await mkdtemp(join(tmpdir(), "vqkit-fuzz-"));
try {
  const targets = (await fuzzTargets(folder, options.golden)).filter(({ name }) =>
    name.includes(options.target),
  );
  const cases = Math.ceil(Number(options.cases) / targets.length);
  if (!(cases >= 1)) throw new Error("expected --cases of at least 1 and the name of a target.");
  let total = 0;
  for (const target of targets) {
    let count = 0;
    const onCase = (): void => {
      count++;
      if (count % 50 === 1) process.send?.(`${target.name}, case ${count} of seed ${options.seed}`);
    };
    const { read, slowest, largestGrowth } = await fuzz(target, {
      cases,
      seed: Number(options.seed),
      onCase,
    });
    total += cases;
    const megabytes = (largestGrowth / 2 ** 20).toFixed(0);
    console.log(
      `${target.name}: ${cases} cases, ${read} read, slowest ${slowest.toFixed(0)} ms, largest growth ${megabytes} MB`,
    );
  }
  console.log(`${total} cases: none crashed, hung, or returned a wrong value.`);
} catch (error) {
  console.error(error instanceof Error ? `${error.message}\n${String(error.cause ?? "")}` : error);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
  process.disconnect?.();
}
