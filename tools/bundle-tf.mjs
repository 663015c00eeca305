// Writes TensorFlow.js into dist/src/tf: tfjs-core with its gradients, chained operations and slow backend in one file,
// its types, and a notice that says whose work it is. The last step of `npm run build`.
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { noticeOf } from "./notice.mjs";

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("..", import.meta.url));
const target = path.join(root, "dist/src/tf");
const core = "@tensorflow/tfjs-core";
const cpu = "@tensorflow/tfjs-backend-cpu";
const chainedOperations = "public/chained_ops/register_all_chained_ops";

// The slow backend's kernels are registered when it is first used. A second TensorFlow.js in the process, such as
// tfjs-node's, shares the registry with this one, and would warn of every kernel that it finds there.
const entry = `
import "${core}/dist/register_all_gradients.js";
import "${core}/dist/${chainedOperations}.js";
import { findBackendFactory, getKernelsForBackend, registerBackend, registerKernel } from "${core}";
import { MathBackendCPU } from "${cpu}/dist/backend_cpu.js";
import "${cpu}/dist/register_all_kernels.js";
import { kernels } from "cpu-kernels";

if (findBackendFactory("cpu") == null) {
  registerBackend("cpu", () => {
    if (getKernelsForBackend("cpu").length === 0) kernels.forEach(registerKernel);
    return new MathBackendCPU();
  }, 1);
}

export * from "${core}";
`;

const modules = {
  "\0entry": entry,
  // What the list of the slow backend's kernels takes for tfjs-core.
  "\0cpu-kernels":
    "export const kernels = []; export const registerKernel = (kernel) => void kernels.push(kernel);",
  // Every Node that vqkit runs on has a fetch of its own, which tfjs-core prefers.
  "\0node-fetch": "export default undefined;",
};

const plugin = {
  name: "vqkit-tf",
  resolveId(id, importer = "") {
    if (id === core && importer.endsWith("register_all_kernels.js")) return "\0cpu-kernels";
    return `\0${id}` in modules ? `\0${id}` : null;
  },
  load: (id) => modules[id] ?? null,
};

async function writeBundle() {
  const build = await rolldown({
    input: "entry",
    cwd: root,
    platform: "node",
    resolve: { mainFields: ["module", "main"] },
    plugins: [plugin],
  });
  const { output } = await build.write({
    file: path.join(target, "index.js"),
    format: "esm",
    codeSplitting: false,
    comments: false,
    banner: "// tfjs-core and what it needs, in one file: see NOTICE.md.",
  });
  await build.close();
  const foreign = output[0].imports.filter((name) => !/^(node:|util$|crypto$)/.test(name));
  if (foreign.length > 0) throw new Error(`vqkit/tf: expected to import nothing, got ${foreign.join(", ")}.`);
  return output[0].moduleIds.filter((id) => id.includes("node_modules"));
}

/** What tfjs-core's types name of a browser, each a global with a prototype. */
const browserTypes = [
  "File",
  "GPUBuffer",
  "HTMLCanvasElement",
  "HTMLImageElement",
  "HTMLSourceElement",
  "HTMLVideoElement",
  "IDBFactory",
  "ImageBitmap",
  "ImageData",
  "Navigator",
  "Response",
  "Storage",
  "WebGLTexture",
];
/** What else they name that is not theirs. */
const otherTypes = {
  fetch: "declare const fetch: typeof globalThis extends { fetch: infer T } ? T : never",
  Long: "interface Long { toNumber(): number; toString(radix?: number): string }",
  ReadableStream:
    "interface ReadableStream<T> { getReader(): { read(): Promise<{ done: boolean; value?: T | undefined }> } }",
  RequestInit:
    "type RequestInit = typeof globalThis extends { fetch: (input: never, init?: infer T) => unknown } ? T : never",
  WebGLContextAttributes: "type WebGLContextAttributes = object",
};
const foreignTypes = [...browserTypes, ...Object.keys(otherTypes)];

const foreignFile = `/** What the types beside this name of a browser: as the program's libraries declare it, else \`never\`. */
type Known<Name extends string> = typeof globalThis extends Record<Name, { prototype: infer T }> ? T : never;
${browserTypes.map((name) => `export type ${name} = Known<"${name}">;`).join("\n")}
${Object.values(otherTypes)
  .map((declaration) => `export ${declaration}${declaration.endsWith("}") ? "" : ";"}`)
  .join("\n")}
`;

/** A comment, or what stands in quotes behind `from`, `import`, `import(` or `declare module`. */
const specifier = /\/\*[\s\S]*?\*\/|(\bfrom |\bimport |\bimport\(|\bdeclare module )(['"])([^'"]+)\2/g;

const typesFolder = path.dirname(require.resolve(core));

/** Copies the types that the entry reaches, with every import relative and with its ending, as ES modules have it. */
async function writeTypes() {
  const files = ["index.d.ts", `${chainedOperations}.d.ts`];
  for (const file of files) {
    const text = await readFile(path.join(typesFolder, file), "utf8");
    const here = path.posix.dirname(file);
    const relative = (other) => path.posix.relative(here, other).replace(/^(?!\.)/, "./");
    const rewritten = text.replace(specifier, (all, before, quote, name) => {
      if (name === undefined) return all;
      const other = declarationOf(name, here);
      if (!files.includes(other)) files.push(other);
      return before + quote + relative(other).replace(/\.d\.ts$/, ".js") + quote;
    });
    const code = rewritten.replace(/\/\*[\s\S]*?\*\//g, "");
    const named = foreignTypes.filter((name) => new RegExp(`(?<!\\.|Type)\\b${name}\\b(?!\\()`).test(code));
    const imports = `\nimport type { ${named.join(", ")} } from "${relative("foreign.js")}";\n`;
    const references = /^\/\/\/ <(amd-module|reference) .*\n/gm;
    await write(`core/${file}`, rewritten.replace(references, "") + (named.length === 0 ? "" : imports));
  }
  await write("core/foreign.d.ts", foreignFile);
  await write("index.d.ts", `import "./core/${chainedOperations}.js";\nexport * from "./core/index.js";\n`);
}

/** The file of types that a specifier means, from the folder of types. */
function declarationOf(name, here) {
  const own = `${core}/dist/`;
  if (!/^\./.test(name) && !name.startsWith(own))
    throw new Error(`${core}/${here}: imports types from ${name}.`);
  const other = name.startsWith(own) ? name.slice(own.length) : path.posix.join(here, name);
  const found = [`${other}.d.ts`, `${other}/index.d.ts`].find((file) =>
    existsSync(path.join(typesFolder, file)),
  );
  if (found === undefined) throw new Error(`${core}/${here}: no types at ${name}.`);
  return found;
}

async function write(name, text) {
  const file = path.join(target, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
}

const introduction =
  "`index.js` and the types in `core/` are made of the packages below, by tools/bundle-tf.mjs of vqkit's repository: imports were rewritten, comments of the code left out. TensorFlow.js is copyright Google LLC and its contributors.";

await rm(target, { recursive: true, force: true });
await write("NOTICE.md", await noticeOf(await writeBundle(), introduction));
await writeTypes();
