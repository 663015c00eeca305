import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { html } from "../../src/drawing/html.js";
import { htmlPage, htmlTable, pageScript } from "../../src/drawing/page.js";

describe("html", () => {
  it("escapes text and not what is HTML already", () => {
    const inner = html`<b>${"a<b & \"c\" 'd'"}</b>`;
    expect(inner.text).toBe("<b>a&lt;b &amp; &quot;c&quot; &#39;d&#39;</b>");
    expect(html`<i>${[inner, "<", 5, null, undefined]}</i>`.text).toBe(`<i>${inner.text}&lt;5</i>`);
  });

  it("of a table escapes its cells", () => {
    const { text } = htmlTable([{ title: "<x>" }, { title: "n", numeric: true }], [["<y>", "1"]]);
    expect(text).toContain('<th scope="col" class="text">&lt;x&gt;</th>');
    expect(text).toContain('<th scope="row" class="text">&lt;y&gt;</th><td class="number">1</td>');
  });

  it("of a page loads nothing, and runs its own script alone", () => {
    const page = htmlPage("<script>", html`<p>text</p>`);
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).toContain("<title>&lt;script&gt;</title>");
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/<script [a-z]|<link|https?:/);
    expect(page).toContain(`</main>\n<script>${pageScript}</script>\n</body>`);
  });

  it("of a page lets only its own script run, and data cannot end their element", () => {
    const text = "alert(1 < 2)";
    const data = { name: "</script><script>alert(3)</script>" };
    const page = htmlPage("a", html`<p>text</p>`, { script: text, data });
    const hash = createHash("sha256").update(pageScript).update(text).digest("base64");
    expect(page).toContain(`script-src 'sha256-${hash}'`);
    expect(page.match(/<script/g)).toHaveLength(2);
    const json = /<script type="application\/json" id="vqkit-data">(.*?)<\/script>/s.exec(page)?.[1];
    expect(JSON.parse(json as string)).toEqual(data);
  });
});
