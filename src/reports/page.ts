import { type Html, html } from "./html.js";
import { styleSheet } from "./style-sheet.js";

/**
 * A page in one file: no script, nothing loaded from anywhere (its content policy forbids both), light or dark as the
 * reader's system is.
 */
export function htmlPage(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${styleSheet}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`.text;
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
