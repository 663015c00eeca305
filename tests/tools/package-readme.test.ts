import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
// @ts-expect-error a program without types
import { packageReadme } from "../../tools/package-readme.mjs";

const place = { repository: "owner/name", tag: "v1.2.3" };
const [files, pictures] = [
  "https://github.com/owner/name/blob/v1.2.3",
  "https://raw.githubusercontent.com/owner/name/v1.2.3",
];

test("links lead to files of the release, pictures to their bytes", () => {
  expect(packageReadme("a [b](docs/c.md#d), [e](f.md)", place)).toBe(
    `a [b](${files}/docs/c.md#d), [e](${files}/f.md)`,
  );
  expect(packageReadme("![p](docs/p.webp)", place)).toBe(`![p](${pictures}/docs/p.webp)`);
  expect(packageReadme("[![p](p.png)](a.md)", place)).toBe(`[![p](${pictures}/p.png)](${files}/a.md)`);
});

test("addresses and headings stay as they are", () => {
  const text = "[a](https://example.org/x), [b](#limits), [c](mailto:a@b.c)";
  expect(packageReadme(text, place)).toBe(text);
});

test("the README has no relative link left", () => {
  const readme = readFileSync(path.resolve(import.meta.dirname, "../../README.md"), "utf8");
  const links = [...(packageReadme(readme, place) as string).matchAll(/\]\(([^)]+)\)/g)].map(
    ([, link]) => link,
  );
  expect(links.length).toBeGreaterThan(30);
  expect(links.filter((link) => !/^https:\/\//.test(link as string))).toEqual([]);
});
