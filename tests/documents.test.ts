import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { buildProgram } from "../cli/program.js";
import { commandReference } from "../cli/reference.js";
import { quantizerKinds } from "../src/quantizers/family/index.js";

function read(file: string): string {
  return readFileSync(path.resolve(import.meta.dirname, "..", file), "utf8");
}

test("every dependency stands in docs/dependencies.md with what it is for", () => {
  const { dependencies, optionalDependencies, devDependencies } = JSON.parse(read("package.json")) as Record<
    "dependencies" | "optionalDependencies" | "devDependencies",
    Record<string, string>
  >;
  const text = read("docs/dependencies.md");
  const names = Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies });
  expect(names.filter((name) => !text.includes(name))).toEqual([]);
});

test("docs/cli.md has every command as the program declares it (npm run docs writes it)", () => {
  expect(commandReference()).toBe(read("docs/cli.md"));
});

describe.each(["README.md", "docs/commands.md"])("%s", (document) => {
  const program = buildProgram({
    stdout: new Writable(),
    stderr: new Writable(),
    signal: new AbortController().signal,
  });
  const commands = [...read(document).matchAll(/^(?:\$ )?npx vqkit (\S+)(.*)$/gm)];

  test("shows commands that exist, docs/commands.md every one", () => {
    const shown = new Set(commands.map((match) => match[1]));
    const all = program.commands.map((command) => command.name());
    expect(shown.size).toBeGreaterThanOrEqual(3);
    expect([...shown].filter((name) => !all.includes(name as string))).toEqual([]);
    if (document !== "README.md") expect([...shown].sort()).toEqual(all.sort());
  });

  test.each(commands.map((match) => [match[0], match[1], match[2]]))(
    "%s has flags that exist",
    (_, name, rest) => {
      const command = program.commands.find((each) => each.name() === name);
      const known = command?.options.map((option) => option.long);
      for (const flag of rest?.replace(/#.*/, "").match(/--[\w-]+/g) ?? []) expect(known).toContain(flag);
    },
  );
});

test("README.md shows every kind of quantizer and links to every page", () => {
  const text = read("README.md");
  expect(quantizerKinds().filter((kind) => !text.includes(`| \`${kind}\` |`))).toEqual([]);
  const pages = readdirSync(path.resolve(import.meta.dirname, "../docs")).filter((name) =>
    name.endsWith(".md"),
  );
  expect(pages.length).toBeGreaterThan(15);
  expect(pages.filter((name) => !text.includes(`](docs/${name}`))).toEqual([]);
});

describe("what documents and comments name is there", () => {
  const root = path.resolve(import.meta.dirname, "..");
  const folders = [".github", "bench", "cli", "docs", "python", "samples", "src", "tests", "tools"];
  const below = (folder: string) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" }).map(
      (file) => `${folder}/${file.replaceAll("\\", "/")}`,
    );
  const files = [...readdirSync(root), ...folders.flatMap(below)].filter(
    (file) => !file.includes("node_modules") && statSync(path.join(root, file)).isFile(),
  );
  const names = new Set(files.flatMap(endings));

  /** All ends of a path that begin at a folder's name: comments name `code-files/tar.ts` from anywhere. */
  function endings(file: string): string[] {
    const parts = file.split("/");
    return parts.map((_, i) => parts.slice(i).join("/"));
  }

  /** A file or folder of the repository, or one that `npm run build` makes of a file. */
  function isThere(name: string, from: string): boolean {
    const source = name.replace(/^dist\/(.*)\.js$/, "$1.ts");
    return [source, path.posix.join(path.posix.dirname(from), name)].some(
      (each) => names.has(each) || (each.includes("/") && existsSync(path.join(root, each))),
    );
  }

  /** Lines of a document, or the comments of a program, without addresses and the product's name. */
  function words(file: string): string[] {
    const text = readFileSync(path.join(root, file), "utf8").replace(/\w+:\/\/\S+|TensorFlow\.js/g, "");
    if (file.endsWith(".md")) return text.split("\n");
    return text
      .split("\n")
      .flatMap((line) => /^\s*(?:\/?\*|\/\/|# ).*|\s\/\/ .*|\s\/\*\*? .*/.exec(line)?.[0] ?? []);
  }

  /** Paths below a folder of the repository, and names of files with an ending of sources and documents. */
  function named(line: string): string[] {
    const paths = line.match(/(?<![\w/.@$-])(?:src|cli|tests|tools|docs|samples|bench)\/[\w./-]*\w/g) ?? [];
    const sources = line.match(/(?<![\w/.@$*-])[\w./-]*\w\.(?:ts|mjs|md|js)(?![\w/])/g) ?? [];
    return [...paths, ...sources];
  }

  const readers = files.filter(
    (file) =>
      /\.(?:ts|mjs|js|md|py)$/.test(file) && file !== "CHANGELOG.md" && file !== "tests/layers.test.ts",
  );

  test("every file and folder", () => {
    let found = 0;
    const missing = readers.flatMap((file) =>
      words(file)
        .flatMap(named)
        .filter((name) => {
          found++;
          return !isThere(name, file);
        })
        .map((name) => `${file}: ${name}`),
    );
    expect(found).toBeGreaterThan(300);
    expect(missing).toEqual([]);
  });

  test("every link between documents, to its heading too", () => {
    const documents = readers.filter((file) => file.endsWith(".md"));
    const links = documents.flatMap((file) =>
      [...read(file).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => ({ file, link: match[1] as string })),
    );
    const local = links.filter(({ link }) => !/^\w+:/.test(link));
    expect(local.length).toBeGreaterThan(50);
    const broken = local.filter(({ file, link }) => {
      const [to = "", anchor] = link.split("#");
      const target = to === "" ? file : path.posix.join(path.posix.dirname(file), to);
      if (!existsSync(path.join(root, target))) return true;
      return anchor !== undefined && !anchors(read(target)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  /** As GitHub makes them of headings. */
  function anchors(text: string): string[] {
    return [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
      (match[1] as string)
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    );
  }
});
