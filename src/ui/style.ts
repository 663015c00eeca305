import { styleSheet } from "../drawing/index.js";

/** The look of reports, and what only these pages have. */
export const style = `${styleSheet().text}
nav { display: flex; flex-wrap: wrap; gap: .25rem .5rem; align-items: baseline; margin-bottom: 1.25rem; font-size: .9rem; }
nav .home { font-weight: 600; }
#connection { margin-left: auto; color: var(--soft); font-variant-numeric: tabular-nums; }
#connection.lost { color: var(--series2); font-weight: 600; }
bdi { overflow-wrap: anywhere; }
.button { display: inline-block; padding: .3rem .7rem; border: 1px solid var(--line); border-radius: 6px; background: var(--panel); color: inherit; text-decoration: none; }
.button:hover, button:hover { border-color: var(--series1); }
.status { display: inline-block; vertical-align: middle; font-size: .8rem; font-weight: 500; line-height: 1; padding: .35rem .6rem; border-radius: 99px; border: 1px solid var(--line); color: var(--soft); white-space: nowrap; }
.status.training { border-color: var(--series3); color: var(--series3); }
.status.training::before { content: ""; display: inline-block; width: .55em; height: .55em; border-radius: 50%; background: var(--series3); margin-right: .45em; animation: pulse 2s ease-in-out infinite; }
.status.stopped { border-color: var(--series2); color: var(--series2); }
@keyframes pulse { 50% { opacity: .25; } }
@media (prefers-reduced-motion: reduce) { .status.training::before { animation: none; } }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1.1rem; min-width: 0; }
.card h3 { margin: 0; }
.sparks { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; align-items: end; margin: .6rem 0; }
.spark figcaption { font-weight: 400; font-size: .82rem; color: var(--soft); }
.spark figcaption b { display: block; color: var(--text); font-size: 1.05rem; font-variant-numeric: tabular-nums; }
.progress { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .75rem; margin: .5rem 0; font-variant-numeric: tabular-nums; }
progress { appearance: none; flex: 1 1 10rem; max-width: 24rem; height: .5rem; border: 0; border-radius: 99px; overflow: hidden; background: var(--line); }
progress::-webkit-progress-bar { background: var(--line); }
progress::-webkit-progress-value { background: var(--series3); }
progress::-moz-progress-bar { background: var(--series3); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 9.5rem), 1fr)); gap: .75rem; margin: 1rem 0; }
.tile { background: var(--panel); border-radius: 8px; padding: .65rem .85rem; display: flex; flex-direction: column; font-size: .85rem; }
.tile b { font-size: 1.35rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
.tile small { line-height: 1.35; }
td.number + .text, th.number + .text { padding-left: .9rem; }
tbody th { min-width: 9.5rem; }
#finished td, #stopped td, #overlay-runs td { white-space: nowrap; }
.pick { display: inline-block; padding: .1rem .5rem .1rem 0; cursor: pointer; }
.pick input { margin: 0; vertical-align: -.1em; }
#chosen { position: sticky; bottom: 0; z-index: 2; background: var(--page); }
#chosen form { border-top: 1px solid var(--line); padding: .6rem 0; margin-top: 1rem; display: flex; flex-wrap: wrap; gap: .4rem .7rem; align-items: center; }
#chosen span { flex: 1 1 20rem; }
.swatch { display: inline-block; width: .7rem; height: .7rem; border-radius: 2px; margin-right: .45rem; }
#contents p { display: flex; flex-wrap: wrap; align-items: baseline; gap: .3rem 1rem; font-size: .9rem; }
.row { margin: .4rem 0; }
.row figcaption { font-weight: 400; font-size: .85rem; color: var(--soft); margin: 0; }
img.strip { width: 100%; max-width: 52rem; }
@media (max-width: 480px) {
  .tiles { grid-template-columns: 1fr 1fr; }
  #chosen span { display: none; }
}
`;

/** The page's sign: four codes of a codebook, one of them chosen. */
export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><g fill="#8b949e"><rect x="1" y="1" width="6" height="6" rx="1"/><rect x="9" y="1" width="6" height="6" rx="1"/><rect x="1" y="9" width="6" height="6" rx="1"/></g><rect x="9" y="9" width="6" height="6" rx="1" fill="#0b62c4"/></svg>`;
