import { type Html, html, htmlTable, NO_FIGURE, section } from "../../drawing/index.js";
import type { JsonValue } from "../../files/index.js";
import { lossCard } from "../loss-card.js";
import { differingFields } from "./config-differences.js";
import type { RowEvidence } from "./evidence.js";

/** Every field in which rows differ, and any two rows beside each other. */
export function configSection(evidence: readonly RowEvidence[]): Html | null {
  if (evidence.length < 2) return null;
  const fields = differingFields(evidence.map(({ config }) => withoutPlace(config)));
  const columns = [{ title: "Field" }, ...evidence.map(({ row }) => ({ title: row.label }))];
  const lines = fields.map(({ path, values }) => [
    path,
    ...values.map((value) => html`<code>${value === null ? NO_FIGURE : JSON.stringify(value)}</code>`),
  ]);
  const options = evidence.map(({ row }, i) => html`<option value="${i}">${row.label}</option>`);
  const second = evidence.map(({ row }, i) =>
    i === 1
      ? html`<option value="${i}" selected>${row.label}</option>`
      : html`<option value="${i}">${row.label}</option>`,
  );
  return section(
    "What differs",
    html`<p class="soft">The fields of the configurations that are not the same in all rows, of each row's lowest seed. The metric card below is the same for all.</p>
<div class="wide">${htmlTable(columns, lines)}</div>
<form class="pair" hidden><label>Difference of <select name="first">${options}</select></label> <label>and <select name="second">${second}</select></label></form>
<p id="pair-none" class="soft" hidden>Their configurations are the same.</p>
<div class="scroll"><table id="pair-table" hidden><thead><tr><th scope="col">Field</th><th scope="col"></th><th scope="col"></th></tr></thead><tbody></tbody></table></div>
<h3>Loss cards</h3>
<div class="wide prose">${lossCards(evidence)}</div>`,
  );
}

/** What each row minimised, one line a row. */
function lossCards(evidence: readonly RowEvidence[]): Html {
  const lines = evidence.map(({ row, config }) => {
    const { terms, codebook, gradient } = lossCard(config);
    const losses = terms
      .map(({ loss, weight }) => (weight === null ? loss : `${weight} × ${loss}`))
      .join(" + ");
    return [row.label, losses, codebook, gradient];
  });
  return htmlTable(
    ["Row", "Losses, weighted", "Codebook", "Gradient to the encoder"].map((title) => ({ title })),
    lines,
  );
}

/** The seed and the folder are no part of what a row is. */
function withoutPlace({
  seed: _seed,
  out: _out,
  overwrite: _overwrite,
  ...config
}: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return config;
}

/** Every field of a configuration by its path, but the seed and the folder; lists are values. */
export function flatConfig(config: Readonly<Record<string, unknown>>): Record<string, JsonValue> {
  return flat(withoutPlace(config), "");
}

function flat(value: unknown, path: string): Record<string, JsonValue> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { [path]: value as JsonValue };
  return Object.assign(
    {},
    ...Object.entries(value).map(([key, inner]) => flat(inner, path === "" ? key : `${path}.${key}`)),
  );
}
