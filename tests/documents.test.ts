import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { buildProgram } from "../cli/program.js";
import { commandReference } from "../cli/reference.js";

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

describe("README.md", () => {
  const program = buildProgram({
    stdout: new Writable(),
    stderr: new Writable(),
    signal: new AbortController().signal,
  });
  const commands = [...read("README.md").matchAll(/^npx vqkit (\S+)(.*)$/gm)];

  test("shows every command", () => {
    const shown = new Set(commands.map((match) => match[1]));
    expect([...shown].sort()).toEqual(program.commands.map((command) => command.name()).sort());
  });

  test.each(commands.map((match) => [match[0], match[1], match[2]]))(
    "%s has flags that exist",
    (_, name, rest) => {
      const command = program.commands.find((each) => each.name() === name);
      const known = command?.options.map((option) => option.long);
      for (const flag of rest?.replace(/#.*/, "").match(/--[\w-]+/g) ?? []) expect(known).toContain(flag);
    },
  );

  test("links to files that are there", () => {
    const links = [...read("README.md").matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1] as string);
    const local = links.filter((link) => !link.startsWith("https://") && !link.startsWith("#"));
    expect(local.length).toBeGreaterThan(5);
    expect(local.filter((link) => !existsSync(path.resolve(import.meta.dirname, "..", link)))).toEqual([]);
  });
});
