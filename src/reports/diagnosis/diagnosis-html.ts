import { formatItems, type Html, html } from "../../drawing/index.js";
import type { Diagnosis, Finding } from "./diagnose.js";

/** What the doctor found, for the top of a page: each finding opens to what to try; a sentence where there is none. */
export function findingsHtml({ findings, fine, notJudged }: Diagnosis): Html {
  if (findings.length > 0) return html`${findings.map(findingHtml)}`;
  const judged = fine.length;
  if (judged === 0) return html`<p class="soft">Doctor: too little has been recorded to judge.</p>`;
  const rest = notJudged.length === 0 ? "" : `, ${formatItems(notJudged.length, "rule")} could not be judged`;
  return html`<p class="soft">Doctor: ${formatItems(judged, "rule")} looked, nothing found${rest}.</p>`;
}

function findingHtml({ title, severity, seen, remedies, rule, symptoms }: Finding): Html {
  return html`<details class="finding ${severity}"><summary><b>${title}</b> <span class="soft">${severity}</span> ${seen}</summary>
<p>What to try:</p><ul>${remedies.map((remedy) => html`<li>${remedy}</li>`)}</ul>
${
  symptoms.length === 0
    ? null
    : html`<p>It also looks like this, which little training explains:</p><ul>${symptoms.map(({ rule: name, seen: what }) => html`<li>${name}: ${what}</li>`)}</ul>`
}<p class="soft small">Rule ${rule}</p></details>
`;
}
