import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { shellQuoted } from "../../src/core/shell.js";

describe("shellQuoted", () => {
  it("leaves plain paths as they are", () => {
    for (const word of ["runs/a", "../b-2_c", "--resume", "a=1,2:3@x+y%"])
      expect(shellQuoted(word)).toBe(word);
  });

  it.skipIf(process.platform === "win32")("is read back by a shell", () => {
    const words = [
      "",
      "two words",
      "it's",
      "$HOME `id` $(id)",
      'a"b\\c',
      "*",
      "~",
      "line\nbreak",
      "ä",
      "''",
      "a'",
    ];
    const printed = execFileSync("sh", ["-c", `printf '%s\\0' ${words.map(shellQuoted).join(" ")}`]);
    expect(printed.toString().split("\0").slice(0, -1)).toEqual(words);
  });
});
