import { type Html, html } from "../../drawing/index.js";

export interface Layout {
  readonly title: string;
  readonly body: Html;
  /** The address of the parts that change, which stand in `body` by `liveParts`; a page without never changes. */
  readonly live?: string;
  /** Links above the page, after that to the list. */
  readonly path?: readonly { readonly text: string; readonly href?: string }[];
}

/** A page of the view. All that it loads is this server's. */
export function layout({ title, body, live, path = [] }: Layout): string {
  const crumbs = path.map(
    ({ text, href }) =>
      html`<span class="soft">/</span>${href === undefined ? html`<bdi>${text}</bdi>` : html`<a href="${href}">${text}</a>`}`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/style.css">
${live === undefined ? null : html`<script src="/live.js" defer></script>`}
</head>
<body>
<main${live === undefined ? null : html` data-live="${live}"`}>
<nav><a class="home" href="/">vqkit</a>${crumbs}<span id="connection" role="status"></span></nav>
${body}
</main>
</body>
</html>
`.text;
}

/** A piece of a page that is replaced as a whole when it changes. */
export interface Part {
  /** Lower case letters and hyphens; no two of a page are equal. */
  readonly id: string;
  readonly content: Html | null;
}

/** Parts in the order in which they stand; empty ones keep their place. */
export function liveParts(parts: readonly Part[]): Html {
  return html`${parts.map(({ id, content }) => html`<div class="part" id="${id}">${content}</div>\n`)}`;
}

/** A page that says why there is nothing else. */
export function messagePage(title: string, text: string): string {
  return layout({ title, body: html`<h1>${title}</h1>\n<p>${text}</p>\n<p><a href="/">All runs</a></p>` });
}

/** A moment, which the page's script turns into "3 min ago". */
export function moment(milliseconds: number): Html {
  const iso = new Date(milliseconds).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace("T", " ")} UTC</time>`;
}
