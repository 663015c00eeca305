import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { type DiagnosisRecord, diagnose, type Severity } from "../../../src/reports/diagnosis/index.js";
import { CASES } from "./cases.js";
import { type Planted, planted } from "./planted.js";

const adversarial = { objectives: [{ kind: "adversarial", adaptive: true, weight: 0.8 }] };

/** A run with an adversarial loss in which nothing is wrong, and what the test plants in it. */
function trainedAgainst(curves: Planted = {}, checkerboard = 1.2): DiagnosisRecord {
  const calm: Planted = {
    discriminatorRealAccuracy: () => 0.7,
    discriminatorReconstructedAccuracy: () => 0.8,
    adversarialWeight: () => 1.6,
  };
  return { ...planted({ curves: { ...calm, ...curves } }), config: adversarial, checkerboard };
}

const tells = (accuracy: number): Planted => ({
  discriminatorRealAccuracy: () => accuracy,
  discriminatorReconstructedAccuracy: () => accuracy,
});

type Case = readonly [what: string, record: DiagnosisRecord, rule: string, severity: Severity];

/** Beside `CASES`, which stand in a file of their own. */
const PARTICULAR: readonly Case[] = [
  ["steps that were not finite", { ...planted(), nonFiniteSteps: 2 }, "exploding-gradient", "critical"],
  ["nearly every patch told", trainedAgainst(tells(0.97)), "discriminator-wins", "warning"],
  ["every patch told", trainedAgainst(tells(0.999)), "discriminator-wins", "critical"],
  [
    "a weight of 2,000 times its factor",
    trainedAgainst({ adversarialWeight: () => 0.8 * 2000 }),
    "adversarial-weight-at-clamp",
    "warning",
  ],
  [
    "a weight at its limit",
    trainedAgainst({ adversarialWeight: () => 0.8 * 1e4 }),
    "adversarial-weight-at-clamp",
    "critical",
  ],
  ["marks of upsampling", trainedAgainst({}, 6), "checkerboard", "warning"],
  ["strong marks of upsampling", trainedAgainst({}, 40), "checkerboard", "critical"],
];

/** Rules of the table in docs/doctor.md, each with the severities that its thresholds have. */
async function documented(): Promise<Map<string, Set<string>>> {
  const text = await readFile(path.resolve(import.meta.dirname, "../../../docs/doctor.md"), "utf8");
  const [, table = ""] = /\n\| rule \|[^\n]*\n\|---[^\n]*\n((?:\|[^\n]*\n)+)/.exec(text) ?? [];
  return new Map(
    table
      .trim()
      .split("\n")
      .map((line) => {
        const [, rule = "", , thresholds = ""] = line.split("|").map((cell) => cell.trim());
        return [rule.replaceAll("`", ""), new Set(thresholds.match(/\bwarning\b|\bcritical\b/g))];
      }),
  );
}

describe("every rule of the doctor", () => {
  it("is fine in a healthy run, stands in docs/doctor.md, and is planted at each severity that it has there", async () => {
    const { findings, fine, notJudged } = diagnose(trainedAgainst());
    expect([findings, notJudged]).toEqual([[], []]);
    const table = await documented();
    expect([...table.keys()]).toEqual(fine.map(({ rule }) => rule));
    for (const [rule, severities] of table) {
      const plantedAt = [...CASES, ...PARTICULAR].flatMap((each) => (each[2] === rule ? [each[3]] : []));
      expect([rule, new Set(plantedAt)]).toEqual([rule, severities]);
    }
  });

  it.each(PARTICULAR)("finds %s", (_, record, rule, severity) => {
    expect(diagnose(record).findings).toMatchObject([{ rule, severity }]);
  });
});
