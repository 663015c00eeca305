/** What pages, tables and figures are written with. Charts stand under `charts/`, which loads what draws them. */
export {
  formatCount,
  formatDuration,
  formatExpectation,
  formatFixed,
  formatItems,
  formatPercent,
  formatSignificant,
  formatTick,
  NO_FIGURE,
} from "./format.js";
export { escapeHtml, Html, html } from "./html.js";
export { DATA_ID, htmlPage, htmlTable, type PageParts, pageScript, paragraphs, section } from "./page.js";
export { LIGHT, SERIES_COLOURS, seriesColour, withLightColours } from "./palette.js";
export { encodeIndexedPng, pngUrl } from "./png.js";
export { styleSheet } from "./style-sheet.js";
export { type TextTableOptions, textTable } from "./text-table.js";
