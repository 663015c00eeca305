import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { inFlags } from "../../cli/option-names.js";
import { buildProgram } from "../../cli/program.js";

const root = path.resolve(import.meta.dirname, "../..");

describe("options in messages of the library", () => {
  test.each([
    [
      "Choose another folder, or replace it (option overwrite).",
      "Choose another folder, or replace it (--overwrite).",
    ],
    ["a.tar: choose one (option imageKey), or", "a.tar: choose one (--image-key), or"],
    ["Say which (options usage, images or codes).", "Say which (--usage, --images or --codes)."],
    ['Compute elsewhere (option engine: "onnxruntime").', "Compute elsewhere (--engine onnxruntime)."],
    ["Load it first (option quantizerModules).", "Load it first (--quantizer-module)."],
    [
      "photo (copy).jpg: expected an image (or two), got none.",
      "photo (copy).jpg: expected an image (or two), got none.",
    ],
  ])("%s", (message, shown) => {
    expect(inFlags(message)).toBe(shown);
  });

  const files = readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => path.join(root, "src", name));
  const texts = files.map((file) => ({
    file: path.relative(root, file),
    code: readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, ""),
  }));

  test("each that a message names has a flag", () => {
    const stream = new PassThrough();
    const terminal = { stdin: stream, stdout: stream, stderr: stream, signal: new AbortController().signal };
    const commands = buildProgram(terminal).commands.flatMap((command) => [command, ...command.commands]);
    const known = new Set(commands.flatMap((command) => command.options.map((option) => option.long)));
    const named = texts.flatMap(({ code }) => code.match(/\(options? (?!as |in )[a-zA-Z][^)]*\)/g) ?? []);
    expect(named.length).toBeGreaterThan(5);
    const flags = named.flatMap((text) => inFlags(text).match(/--[\w-]+/g) ?? [text]);
    expect(flags.filter((flag) => !known.has(flag))).toEqual([]);
  });

  test("no message of the library names a flag of ours", () => {
    // Of npm, of what a generated page says to type, and custom properties of style sheets.
    const others =
      /--omit=optional|npm rebuild [^"`]*|npx vqkit[^`]*`|vqkit train --resume|vqkit report [^<]*--images|var\(--[^)]*\)|--[\w-]+:/g;
    const naming = texts.flatMap(({ file, code }) => {
      const found = code.replace(others, "").match(/[\s("'`]--[a-z][a-z-]+/g) ?? [];
      return found.map((flag) => `${file}: ${flag.trim()}`);
    });
    expect(naming).toEqual([]);
  });
});
