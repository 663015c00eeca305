// Compiles a user's program against the installed package, for tools/check-package.mjs.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/** The programs of a document: its blocks of TypeScript that import the package. */
export function codeOf(document) {
  return [...document.matchAll(/^```(?:ts|js|typescript|javascript)\n([\s\S]*?)^```$/gm)]
    .map(([, code]) => code)
    .filter((code) => /from "vqkit/.test(code));
}

/** What public types must not name: who writes a program against vqkit has none of it. */
const foreign =
  /(?:from |import\(|reference types=)"(@observablehq\/|d3|linkedom|@webgpu\/|@tensorflow\/|onnxruntime-node)/;

/**
 * @param {string} folder where vqkit is installed
 * @param {{ root: string, everyWay: boolean }} options with `everyWay` also where declarations are not checked
 */
export function checkTypes(folder, { root, everyWay }) {
  const sources = path.join(folder, "node_modules/vqkit/dist/src");
  const faces = readdirSync(sources).filter((name) => existsSync(path.join(sources, name, "index.d.ts")));
  const lines = ["vqkit", ...faces.map((face) => `vqkit/${face}`)].map(
    (name, i) => `import * as face${i} from "${name}";\nexport const names${i} = Object.keys(face${i});\n`,
  );
  writeFileSync(path.join(folder, "faces.ts"), lines.join(""));
  const programs = codeOf(readFileSync(path.join(root, "README.md"), "utf8"));
  for (const [i, code] of programs.entries())
    writeFileSync(path.join(folder, `readme-${i + 1}.ts`), `${code}\nexport {};\n`);
  const sample = readFileSync(path.join(root, "samples/custom-quantizer.ts"), "utf8");
  writeFileSync(path.join(folder, "custom-quantizer.ts"), sample);

  const named = readdirSync(sources, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".d.ts"))
    .flatMap((file) => {
      const found = foreign.exec(readFileSync(path.join(sources, file), "utf8"));
      return found === null ? [] : [`${file}: ${found[1]}`];
    });
  const ways = ["nodenext", "bundler"].flatMap((resolution) =>
    (everyWay ? [false, true] : [false]).map((skipLibCheck) => ({ resolution, skipLibCheck })),
  );
  const wrong = ways.flatMap((way) => compile(folder, root, way));
  if (wrong.length + named.length > 0) {
    const all = [...named.map((each) => `types name what is not installed: ${each}`), ...wrong];
    throw new Error(`types: ${all.length} errors\n${all.slice(0, 40).join("\n")}`);
  }
  console.log(
    `types: ${faces.length + 1} faces, ${programs.length} programs of the README and a quantizer compile under ${ways
      .map(({ resolution, skipLibCheck }) => `${resolution}${skipLibCheck ? " with skipLibCheck" : ""}`)
      .join(", ")}`,
  );
}

function compile(folder, root, { resolution, skipLibCheck }) {
  const options = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    target: "es2022",
    lib: ["es2023"],
    module: resolution === "nodenext" ? "nodenext" : "esnext",
    moduleResolution: resolution,
    types: ["node"],
    typeRoots: [path.join(root, "node_modules/@types")],
    skipLibCheck,
  };
  const file = path.join(folder, "tsconfig.json");
  writeFileSync(file, JSON.stringify({ compilerOptions: options, include: ["*.ts"] }));
  const tsc = path.join(root, "node_modules/typescript/bin/tsc");
  const { stdout, status } = spawnSync(process.execPath, [tsc, "-p", file], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status === 0) return [];
  const errors = stdout.split("\n").filter((line) => line.includes("error TS"));
  return errors.length > 0
    ? errors.map((line) => `${resolution}: ${line}`)
    : [`${resolution}: tsc ended with ${status}`];
}
