import { CHART_WIDTH } from "./chart.js";

/** A dot of a drawing that is to have a label, in its pixels. */
export interface LabelledDot {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

/** Where a label stands beside its dot. */
export interface LabelPlace {
  readonly dx: number;
  readonly dy: number;
  readonly textAnchor: "start" | "middle" | "end";
}

/** Right of the dot where there is room, else left of it, above or below. */
const PLACES: readonly LabelPlace[] = [
  { dx: 9, dy: 0, textAnchor: "start" },
  { dx: -9, dy: 0, textAnchor: "end" },
  { dx: 0, dy: -13, textAnchor: "middle" },
  { dx: 0, dy: 14, textAnchor: "middle" },
];
/** Of the letters of a drawing's labels, about. */
const [LETTER_WIDTH, LETTER_HEIGHT] = [7, 13];
const DOT = 6;

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Places for labels such that none hides another or a dot, as far as there are any. */
export function labelPlaces(dots: readonly LabelledDot[]): LabelPlace[] {
  const taken: Box[] = dots.map(({ x, y }) => ({
    left: x - DOT,
    right: x + DOT,
    top: y - DOT,
    bottom: y + DOT,
  }));
  return dots.map((dot, i) => {
    const free = PLACES.find((place) => {
      const box = boxOf(dot, place);
      const others = taken.filter((_, at) => at !== i);
      return (
        box.left >= 0 && box.right <= CHART_WIDTH && box.top >= 0 && !others.some((each) => meet(box, each))
      );
    });
    const place = free ?? (PLACES[0] as LabelPlace);
    taken.push(boxOf(dot, place));
    return place;
  });
}

function boxOf({ x, y, text }: LabelledDot, { dx, dy, textAnchor }: LabelPlace): Box {
  const width = LETTER_WIDTH * text.length;
  const left = x + dx - { start: 0, middle: width / 2, end: width }[textAnchor];
  return { left, right: left + width, top: y + dy - LETTER_HEIGHT / 2, bottom: y + dy + LETTER_HEIGHT / 2 };
}

function meet(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/** Turns values into pixels by what a drawing says of its axes (`data-x`, `data-y`), both linear. */
export function pixelsOf(svg: string): (x: number, y: number) => readonly [x: number, y: number] {
  const [across, up] = ["x", "y"].map((name) => {
    const text = new RegExp(` data-${name}="linear ([^"]+)"`).exec(svg)?.[1] ?? "0 1 0 1";
    const [from = 0, to = 1, low = 0, high = 1] = text.split(" ").map(Number);
    return (value: number): number => low + ((value - from) / (to - from)) * (high - low);
  }) as [(value: number) => number, (value: number) => number];
  return (x, y) => [across(x), up(y)];
}
