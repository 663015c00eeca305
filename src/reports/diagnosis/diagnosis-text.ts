import { textTable } from "../../drawing/index.js";
import type { Diagnosis } from "./diagnose.js";

/** A diagnosis for the terminal: a table of all rules, then what to try for each finding. */
export function renderDiagnosis({ findings, fine, notJudged }: Diagnosis): string {
  const rows = [
    ...findings.map(({ severity, rule, seen }) => [severity, rule, seen]),
    ...fine.map(({ rule, seen }) => ["fine", rule, seen]),
    ...notJudged.map(({ rule, seen }) => ["not judged", rule, seen]),
  ];
  const advice = findings.flatMap(({ title, rule, remedies, symptoms }) => [
    "",
    `${title} (${rule}). Try:`,
    ...remedies.map((remedy) => `  - ${remedy}`),
    ...(symptoms.length === 0 ? [] : [`It also looks like this, which little training explains:`]),
    ...symptoms.map(({ rule: name, seen }) => `  - ${name}: ${seen}`),
  ]);
  return [textTable(rows, { head: ["", "rule", "seen"] }), ...advice].join("\n");
}
