import { Html } from "./html.js";

/** The look of every page. Series colours keep their hue apart for readers who see fewer colours. */
export const styleSheet = new Html(`
:root {
  --page: #ffffff; --panel: #f6f8fa; --text: #1f2328; --soft: #59636e; --line: #d1d9e0;
  --series1: #0b62c4; --series2: #c2570c; --series3: #1a7f5a; --series4: #8250df;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --panel: #161b22; --text: #e6edf3; --soft: #9198a1; --line: #3d444d;
    --series1: #58a6ff; --series2: #f0883e; --series3: #3fb97f; --series4: #bc8cff;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { margin: .4rem 0; max-width: 48rem; }
.soft { color: var(--soft); }
.scroll { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 600; }
thead th { color: var(--soft); font-size: .85rem; white-space: nowrap; vertical-align: bottom; }
tbody th { font-weight: 500; }
th.number, td.number { text-align: right; padding-left: .9rem; padding-right: 0; white-space: nowrap; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); gap: 1.25rem; }
.columns > .lists { display: flex; flex-wrap: wrap; gap: 2.5rem; }
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; font-size: .95rem; margin-bottom: .25rem; }
figcaption .key { font-weight: 400; color: var(--soft); font-size: .85rem; margin-left: .8rem; white-space: nowrap; }
figcaption .swatch { display: inline-block; width: 1rem; height: 3px; border-radius: 2px; background: var(--colour); vertical-align: middle; margin-right: .3rem; }
svg.chart { display: block; width: 100%; height: auto; background: var(--panel); border-radius: 6px; }
svg.chart text { fill: var(--soft); font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
svg.chart .grid { stroke: var(--line); stroke-width: 1; }
svg.chart .curve { fill: none; stroke: var(--colour); stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.series1 { --colour: var(--series1); }
.series2 { --colour: var(--series2); }
.series3 { --colour: var(--series3); }
.series4 { --colour: var(--series4); }
img.picture { max-width: 100%; height: auto; image-rendering: pixelated; display: block; border-radius: 4px; }
pre { background: var(--panel); padding: .9rem 1.1rem; border-radius: 6px; overflow-x: auto; font-size: .85rem; line-height: 1.45; }
summary { cursor: pointer; }
`);
