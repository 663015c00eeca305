import { Html } from "../../drawing/index.js";

/** Rules of a comparison's page, besides those of every page. */
export const comparisonStyle = new Html(`
.wide th[scope="row"], .wide thead th:first-child { position: sticky; left: 0; background: var(--page); z-index: 1; white-space: nowrap; }
.wide td small, .wide th small { display: block; color: var(--soft); font-size: .78rem; line-height: 1.3; white-space: nowrap; font-weight: 400; }
.first-word { white-space: nowrap; }
.swatch { display: inline-block; width: .7rem; height: .7rem; border-radius: 2px; margin-right: .45rem; }
.lead { font-size: 1.12rem; line-height: 1.45; margin: .6rem 0 0; padding: .6rem .9rem; border-left: 4px solid var(--series1); background: var(--panel); border-radius: 0 6px 6px 0; max-width: 60rem; }
td b.best { font-weight: 700; color: var(--series3); }
td .clear { font-weight: 650; }
.examples { overflow-x: auto; padding-bottom: .25rem; border-radius: 6px; }
.examples:focus-visible { outline: 2px solid var(--series1); outline-offset: 3px; }
.strip { margin: 0 0 .45rem; }
.strip figcaption { position: sticky; left: 0; width: max-content; max-width: 100%; }
.picture-box { position: relative; cursor: crosshair; min-width: calc(var(--columns) * 4.6rem); max-width: calc(var(--columns) * 6.2rem); }
.picture-box + .picture-box { margin-top: 2px; }
.picture-box img { display: block; width: 100%; height: auto; image-rendering: pixelated; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.frame { position: absolute; border: 1.5px solid #fff; outline: 1px solid #000; pointer-events: none; }
.psnrs { display: grid; grid-template-columns: repeat(var(--columns), 1fr); min-width: calc(var(--columns) * 4.6rem); max-width: calc(var(--columns) * 6.2rem); color: var(--soft); font-size: .78rem; text-align: center; font-variant-numeric: tabular-nums; margin: .1rem 0 0; padding: 0; list-style: none; }
.strip-tools, form.pair { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; align-items: center; margin: .6rem 0; }
.lens { position: sticky; bottom: 0; background: var(--page); border: 1px solid var(--line); border-radius: 6px 6px 0 0; padding: .5rem .75rem; box-shadow: 0 -4px 16px rgb(0 0 0 / .18); z-index: 2; }
.lens-cells { display: flex; gap: .6rem; overflow-x: auto; }
.lens-cells figure { flex: 0 0 auto; width: 7rem; }
.lens-cells canvas { display: block; width: 100%; aspect-ratio: 1; border-radius: 3px; }
.lens-cells figcaption { font-weight: 400; font-size: .78rem; margin: .15rem 0 0; line-height: 1.25; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.lens-head { display: flex; justify-content: space-between; gap: .75rem; align-items: start; font-size: .82rem; margin-bottom: .4rem; }
.lens-head button { padding: 0 .5rem; }
.scale { display: inline-flex; flex-wrap: wrap; align-items: center; gap: .4rem; font-size: .82rem; color: var(--soft); }
.scale img { width: 7rem; height: .7rem; border-radius: 2px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
select { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .25rem .4rem; max-width: 100%; }
form.pair label { max-width: 100%; }
.examples figcaption, .soft { overflow-wrap: anywhere; }
@media (max-width: 480px) {
  .lens-cells figure { width: 5rem; }
  .wide th[scope="row"], .wide thead th:first-child { white-space: normal; max-width: 15rem; overflow-wrap: break-word; }
  .wide th .soft { overflow-wrap: normal; }
  .wide.prose td { min-width: 12rem; }
}
@media print {
  .strip-tools, .lens, .frame, form.pair, #pair-table, #pair-none { display: none !important; }
  .strip { break-inside: avoid; }
  .picture-box, .psnrs { min-width: 0; }
  .wide th[scope="row"], .wide thead th:first-child { position: static; white-space: normal; }
  .wide th, .wide td { font-size: .72rem; padding-left: .35rem; padding-right: .1rem; overflow-wrap: normal; }
  .wide tbody th[scope="row"] { overflow-wrap: anywhere; }
  .wide td small, .wide th small { font-size: .62rem; white-space: normal; }
}
`);
