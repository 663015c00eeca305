import { escapeHtml, Html } from "../index.js";
import type { Chart } from "./chart.js";

/** What a page's program reads the values under the pointer from. */
export interface ChartValues {
  /** What x is. */
  readonly x: string;
  /** Fractions that are told in percent. */
  readonly percent: boolean;
  readonly curves: readonly {
    readonly name: string;
    readonly colour: string;
    /** By ascending x, as long as `ys`; absent where they are those of the first curve. */
    readonly xs?: readonly number[];
    readonly ys: readonly number[];
  }[];
}

/** As many as are told; whole numbers keep all of theirs. */
const DIGITS = 5;

/** The values of a chart's curves for a page's program, as an attribute; nothing of a chart that is not read. */
export function valuesAttribute(chart: Chart): Html | null {
  const values = chartValues(chart);
  if (values === undefined) return null;
  // Between single quotes, so that those of JSON need no escape of six letters each.
  const json = escapeHtml(JSON.stringify(values)).replaceAll("&quot;", '"');
  return new Html(` data-values='${json}'`);
}

/** The curves of a chart's table; undefined where it has none to be read. */
export function chartValues({ table, reading, keys }: Chart): ChartValues | undefined {
  if (reading === undefined) return undefined;
  const [x = "", ...names] = table.columns;
  const curves = names.map((name, column) => {
    const points = table.rows.flatMap(([at, ...cells]) => {
      const value = cells[column];
      return typeof at === "number" && typeof value === "number" && Number.isFinite(value)
        ? [[at, value] as const]
        : [];
    });
    const colour = keys[column]?.colour ?? "var(--series1)";
    return { name, colour, xs: points.map(([at]) => at), ys: points.map(([, value]) => told(value)) };
  });
  const [first] = curves;
  return {
    x,
    percent: reading.isPercent,
    curves: curves.map(({ xs, ...curve }, i) =>
      i > 0 && isSame(xs, first?.xs ?? []) ? curve : { ...curve, xs },
    ),
  };
}

function told(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(DIGITS));
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
