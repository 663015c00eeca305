import { expect, test } from "vitest";
import { html, htmlPage, section } from "../../src/drawing/index.js";

const three = ["First & last", "Second", "Third"].map((title) => section(title, html`<p>$1 & $&</p>`));

test("a page of three sections lists them, below its lead", () => {
  const page = htmlPage("t", html`<h1>Title</h1>\n<p class="lead">What was found</p>\n${three}`);
  const list =
    '<nav class="contents" aria-label="Contents"><a href="#first-last">First &amp; last</a> <a href="#second">Second</a> <a href="#third">Third</a></nav>';
  expect(page).toContain(`<h1>Title</h1>\n<p class="lead">What was found</p>\n${list}\n`);
  expect(page.split("<nav").length).toBe(2);
});

test("without a lead the list follows the heading; two sections need none", () => {
  expect(htmlPage("t", html`<h1>$&</h1>\n<p>text</p>${three}`)).toContain("<h1>$&</h1>\n<nav");
  expect(htmlPage("t", html`<h1>Title</h1>${three.slice(0, 2)}`)).not.toContain("<nav");
});
