/** Text that is HTML already. Made by `html` only, so that nothing reaches a page unescaped. */
export class Html {
  readonly text: string;

  /** @param text HTML that is safe to print as it is */
  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in an `html` template: text and numbers are escaped; nothing is printed for null. */
export type HtmlPart = Html | string | number | null | undefined | readonly HtmlPart[];

/** A template whose parts are escaped unless they are `Html`: html`<b>${name}</b>`. */
export function html(strings: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  return new Html(strings.reduce((text, piece, i) => text + render(parts[i - 1]) + piece));
}

function render(part: HtmlPart): string {
  if (part === null || part === undefined) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(render).join("");
  return escapeHtml(String(part));
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Safe between tags and inside quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] as string);
}
