import { createHash } from "node:crypto";
import { Html, html } from "./html.js";
import { styleSheet } from "./style-sheet.js";
import { tableScript } from "./table-script.js";
import { valuesScript } from "./values-script.js";

/** What a page has besides its text. */
export interface PageParts {
  /** Rules besides those of every page. */
  readonly style?: Html;
  /** A program of this project, beside that of every page; without either a page still shows everything. */
  readonly script?: string;
  /** What the program reads, and other programs may; JSON-safe. */
  readonly data?: unknown;
}

/** The element that holds a page's data. */
export const DATA_ID = "vqkit-data";

/** The program of every page: tables that can be sorted, charts whose values can be read. */
export const pageScript = `"use strict";${tableScript}${valuesScript}`;

/**
 * A page in one file. Nothing is loaded from anywhere, and nothing runs but its own script: the page's content policy
 * forbids both. Light or dark as the reader's system is.
 */
export function htmlPage(title: string, body: Html, { style, script = "", data }: PageParts = {}): string {
  const program = pageScript + script;
  // In JSON, < stands in strings only; escaped, no string can end the element.
  const json = data === undefined ? undefined : JSON.stringify(data).replaceAll("<", "\\u003c");
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-${new Html(digest(program))}';">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${styleSheet()}${style}</style>
</head>
<body>
<main>
${withContents(body)}
</main>
${json === undefined ? null : new Html(`<script type="application/json" id="${DATA_ID}">${json}</script>\n`)}<script>${new Html(program)}</script>
</body>
</html>
`.text;
}

/** Fewer sections than this need no list of them. */
const FEWEST_LISTED = 3;

/** A list of the sections below the page's heading and its lead, where there are several. */
function withContents(body: Html): Html {
  const sections = [...body.text.matchAll(/<section id="([^"]+)">\n<h2>([^<]+)<\/h2>/g)];
  if (sections.length < FEWEST_LISTED) return body;
  const links = sections.map(([, id, title]) => `<a href="#${id}">${title}</a>`);
  const list = `<nav class="contents" aria-label="Contents">${links.join(" ")}</nav>`;
  return new Html(body.text.replace(/<\/h1>(?:\s*<p class="lead">.*?<\/p>)?/s, (top) => `${top}\n${list}`));
}

function digest(script: string): string {
  return createHash("sha256").update(script, "utf8").digest("base64");
}

/** A section with a heading, and an anchor made of it. */
export function section(title: string, content: Html): Html {
  const id = title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return html`<section id="${id}">
<h2>${title}</h2>
${content}
</section>
`;
}

/** A table column: numbers stand right. */
export interface Column {
  readonly title: string;
  readonly numeric?: boolean;
}

/** A table that scrolls sideways by itself where the screen is narrow; the first column is the rows' heading. */
export function htmlTable(columns: readonly Column[], rows: readonly (readonly (string | Html)[])[]): Html {
  const kind = (i: number): string => (columns[i]?.numeric === true ? "number" : "text");
  const head = columns.map(({ title }, i) => html`<th scope="col" class="${kind(i)}">${title}</th>`);
  const body = rows.map((cells) => {
    const parts = cells.map((cell, i) =>
      i === 0
        ? html`<th scope="row" class="${kind(i)}">${cell}</th>`
        : html`<td class="${kind(i)}">${cell}</td>`,
    );
    return html`<tr>${parts}</tr>\n`;
  });
  return html`<div class="scroll"><table>
<thead><tr>${head}</tr></thead>
<tbody>
${body}</tbody>
</table></div>
`;
}

/** Paragraphs of text. */
export function paragraphs(texts: readonly string[]): Html {
  return html`${texts.map((text) => html`<p>${text}</p>\n`)}`;
}
