import { Html } from "./html.js";
import { DARK, declarations, LIGHT } from "./palette.js";

/** The look of every page; paper is always light. */
export const styleSheet = (): Html =>
  new Html(`
:root { ${declarations(LIGHT)} --shade: rgb(0 0 0 / .28); }
@media screen and (prefers-color-scheme: dark) { :root { ${declarations(DARK)} --shade: rgb(255 255 255 / .3); } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { margin: .4rem 0; max-width: 48rem; }
.soft { color: var(--soft); }
.small { font-size: .85rem; overflow-wrap: anywhere; }
a { color: var(--series1); text-underline-offset: .15em; }
.contents { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .88rem; margin: .4rem 0 .8rem; }
.finding { border-left: 3px solid var(--series2); background: var(--panel); border-radius: 0 6px 6px 0; padding: .5rem .85rem; margin: .5rem 0; overflow-wrap: anywhere; }
.finding.info { border-left-color: var(--series1); }
.finding ul { margin: .25rem 0; padding-left: 1.25rem; }
.scroll { overflow-x: auto; margin: .75rem 0; background: linear-gradient(to right, var(--page) 1.2rem, transparent 2.4rem) 0 0 / 2.4rem 100%, linear-gradient(to left, var(--page) 1.2rem, transparent 2.4rem) calc(100% + 2px) 0 / 2.4rem 100%, linear-gradient(to right, var(--shade), transparent) 0 0 / 1rem 100%, linear-gradient(to left, var(--shade), transparent) 100% 0 / 1rem 100%; background-repeat: no-repeat; background-attachment: local, local, scroll, scroll; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 600; }
thead th { color: var(--soft); font-size: .85rem; white-space: nowrap; vertical-align: bottom; }
th.sorts { cursor: pointer; }
th.sorts:hover, th[aria-sort] { color: var(--text); }
th[aria-sort="ascending"]::after { content: " ▲"; font-size: .7em; }
th[aria-sort="descending"]::after { content: " ▼"; font-size: .7em; }
tbody th { font-weight: 500; }
th.number, td.number { text-align: right; padding-left: .9rem; padding-right: 0; white-space: nowrap; }
.number + .text { padding-left: .9rem; }
.columns, .strips { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 27rem), 1fr)); gap: 1.25rem; }
.lists { display: flex; flex-wrap: wrap; gap: 2.5rem; }
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; font-size: .95rem; margin-bottom: .25rem; }
figcaption .key { display: inline-block; font-weight: 400; color: var(--soft); font-size: .8rem; margin-left: .5rem; overflow-wrap: anywhere; max-width: 100%; }
figcaption .swatch { display: inline-block; width: 1rem; height: 3px; border-radius: 2px; vertical-align: middle; margin-right: .3rem; }
figure .note { color: var(--soft); font-size: .82rem; line-height: 1.4; margin: .35rem 0 0; }
svg.chart { display: block; width: 100%; height: auto; color: var(--soft); background: var(--panel); border-radius: 6px; font-variant-numeric: tabular-nums; }
svg.chart text, svg.chart tspan { white-space: pre; }
.scale-switch { font-weight: 400; font-size: .8rem; color: var(--soft); margin-left: .6rem; white-space: nowrap; cursor: pointer; }
.scale-switch input { margin: 0; vertical-align: -.15em; }
figure:has(.scale-switch input:checked) > .on-linear, figure:has(.scale-switch input:not(:checked)) > .on-log { display: none; }
.plot { position: relative; border-radius: 6px; }
.plot:focus-visible { outline: 2px solid var(--series1); outline-offset: 2px; }
.plot .mark line { stroke: var(--soft); stroke-dasharray: 2 2; }
.plot .mark circle { stroke: var(--panel); stroke-width: 1.5; }
.tip { position: absolute; top: .35rem; z-index: 3; pointer-events: none; display: grid; grid-template-columns: auto auto auto; column-gap: .45rem; align-items: center; max-width: 85%; padding: .3rem .55rem; border: 1px solid var(--line); border-radius: 6px; background: var(--page); box-shadow: 0 2px 10px rgb(0 0 0 / .18); font-size: .78rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
.tip .at { grid-column: 1 / -1; color: var(--soft); }
.tip .swatch { width: .8rem; height: 3px; border-radius: 2px; margin: 0; }
.tip .name { overflow-wrap: anywhere; }
.tip .value { text-align: right; font-weight: 600; }
img.picture { max-width: 100%; height: auto; image-rendering: pixelated; display: block; border-radius: 4px; }
.strips { gap: .6rem 1.25rem; }
.strips figcaption { font-weight: 400; color: var(--soft); font-size: .85rem; margin: 0 0 .1rem; }
pre { background: var(--panel); padding: .9rem 1.1rem; border-radius: 6px; overflow-x: auto; font-size: .85rem; line-height: 1.45; }
summary { cursor: pointer; }
input, button { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .3rem .6rem; }
input[type="number"] { width: 9rem; }
button { cursor: pointer; }
.search { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem .75rem; margin: .5rem 0; }
.readout { min-height: 1.5em; font-variant-numeric: tabular-nums; }
.atlas { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); gap: .25rem 2rem; margin: .5rem 0 1rem; }
.code { display: flex; align-items: center; gap: .75rem; padding: .3rem 0; border-bottom: 1px solid var(--line); break-inside: avoid; }
.code .label { flex: 0 0 7.4rem; font-variant-numeric: tabular-nums; line-height: 1.25; overflow-wrap: anywhere; }
.code .label small { color: var(--soft); display: block; white-space: nowrap; }
.sprites { display: flex; flex-wrap: wrap; gap: 3px; }
.sprites .alone { margin-right: 8px; outline: 2px solid var(--series1); }
.sprite { display: block; width: 40px; height: 40px; image-rendering: pixelated; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.minis { display: grid; grid-template-columns: repeat(6, 1fr); gap: .75rem; margin: .75rem 0; }
.minis figcaption { font-weight: 400; font-size: .85rem; margin: .2rem 0 0; }
img.mini { display: block; width: 100%; image-rendering: pixelated; background: var(--panel); border-radius: 4px; }
.photographs { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(46%, 12.4rem), 1fr)); gap: .9rem; }
.photographs img { display: block; width: 100%; height: auto; border-radius: 4px; }
.photographs img + img { margin-top: .35rem; }
.photographs.few { grid-template-columns: repeat(auto-fit, minmax(min(46%, 12.4rem), 1fr)); max-width: 62rem; }
img.mosaic { image-rendering: pixelated; }
[hidden] { display: none !important; }
@media (max-width: 480px) {
  main { padding: 1.25rem .9rem 3rem; }
  .code .label { flex-basis: 6.2rem; font-size: .85rem; }
  .minis { grid-template-columns: repeat(4, 1fr); }
  .sprite { width: 30px; height: 30px; }
  th, td { padding-right: .6rem; }
}
@media print {
  main { max-width: none; padding: 0; }
  .search, .readout, .contents, .scale-switch, .tip { display: none; }
  figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .columns { grid-template-columns: 1fr 1fr; }
  .scroll { overflow: visible; }
  th, td { font-size: .8rem; padding-right: .5rem; overflow-wrap: anywhere; }
  thead th, thead th.number { white-space: normal; overflow-wrap: normal; }
  th.number, td.number { padding-left: .4rem; }
  svg.chart { border: 1px solid var(--line); }
}
`);
