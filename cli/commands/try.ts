import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { loadQuantizerModules } from "../config-file.js";
import { addEngineFlags, addModuleFlag } from "../declare-flags.js";
import { type EngineFlags, engineOptions } from "../engine-options.js";
import { noteDefect, serveUntilInterrupted } from "../serving.js";
import { note, type Terminal } from "../terminal.js";
import { integer } from "../values.js";

interface Flags extends EngineFlags {
  readonly port?: number;
  readonly quantizerModule?: readonly string[];
}

/** Images that the files for the page are held against the model on: a glance, `export` takes more. */
const IMAGES_CHECKED = 4;

export function addTry(program: Command, terminal: Terminal): void {
  const command = program
    .command("try")
    .description("try a model in the browser: drop an image, see its codes and what becomes of it")
    .argument("<model>", "run folder, model.safetensors, or a folder that export --to onnx wrote")
    .option("--port <n>", "port of 127.0.0.1, 0 for any free one (default: 6161)", integer);
  addEngineFlags(command);
  addModuleFlag(command);
  command.action((model: string, flags: Flags) => tryModel(terminal, model, flags));
}

async function tryModel(terminal: Terminal, model: string, flags: Flags): Promise<void> {
  const { findWebRuntime } = await import("../../src/ui/index.js");
  // Before the work, which would be in vain without it.
  const runtime = findWebRuntime([process.cwd(), path.dirname(fileURLToPath(import.meta.url))]);
  if (await isExported(model)) return servePage(terminal, { model, runtime, flags });
  const own = await mkdtemp(path.join(tmpdir(), "vqkit-try-"));
  try {
    await exportInto(own, terminal, { model, flags });
    await servePage(terminal, { model: own, runtime, flags });
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

async function servePage(
  terminal: Terminal,
  { model, runtime, flags }: { readonly model: string; readonly runtime: string; readonly flags: Flags },
): Promise<void> {
  const { serveModelPage } = await import("../../src/ui/index.js");
  const { port } = flags;
  const server = await serveModelPage({
    model,
    runtime,
    ...(port === undefined ? {} : { port }),
    onError: noteDefect(terminal),
  });
  await serveUntilInterrupted(terminal, server, "Images stay in the browser.");
}

async function exportInto(
  out: string,
  terminal: Terminal,
  { model, flags }: { readonly model: string; readonly flags: Flags },
): Promise<void> {
  const { exportOnnx } = await import("../../src/export/index.js");
  await loadQuantizerModules(flags.quantizerModule ?? []);
  note(terminal, "Preparing the model …");
  await exportOnnx(model, {
    ...engineOptions(flags),
    out,
    checkAtMost: IMAGES_CHECKED,
    onImage: () => terminal.signal.throwIfAborted(),
  });
}

/** A folder of an export; in a run folder, which may have one beside its model, the model counts. */
async function isExported(folder: string): Promise<boolean> {
  const has = (name: string) =>
    stat(path.join(folder, name)).then(
      () => true,
      () => false,
    );
  return (await has("encoder.onnx")) && !(await has("model.safetensors"));
}
