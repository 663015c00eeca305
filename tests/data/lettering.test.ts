import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { type LetteringStyle, lettering, letteringWidth } from "../../src/data/lettering.js";

const style: LetteringStyle = { capHeight: 14, thickness: 2, colour: "black" };
const WIDTH = 60;
const HEIGHT = 40;
const BASELINE = 24;

interface Ink {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly bytes: string;
}

/** Draws a text from x = 10 and finds where it is dark. */
async function ink(text: string): Promise<Ink | undefined> {
  const drawn = lettering(text, { x: 10, y: BASELINE }, style);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}"><rect width="100%" height="100%" fill="white"/>${drawn}</svg>`;
  const data = await sharp(Buffer.from(svg)).removeAlpha().extractChannel(0).raw().toBuffer();
  const dark = [...data.keys()].filter((i) => (data[i] as number) < 128);
  if (dark.length === 0) return undefined;
  const columns = dark.map((i) => i % WIDTH);
  const rows = dark.map((i) => Math.floor(i / WIDTH));
  return {
    left: Math.min(...columns),
    right: Math.max(...columns),
    top: Math.min(...rows),
    bottom: Math.max(...rows),
    bytes: data.toString("base64"),
  };
}

const printable = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));

describe("lettering", () => {
  it("draws every printable ASCII character, each in its own way, inside its width", async () => {
    const seen = new Map<string, string>();
    for (const letter of printable) {
      const found = await ink(letter);
      expect(found, letter).toBeDefined();
      if (found === undefined) continue;
      expect(seen.get(found.bytes), `${letter} looks like another`).toBeUndefined();
      seen.set(found.bytes, letter);
      expect(found.left, letter).toBeGreaterThanOrEqual(9);
      expect(found.right, letter).toBeLessThanOrEqual(10 + letteringWidth(letter, style));
    }
  });

  it("stands on the baseline: capitals 14 pixels high, small letters lower, descenders below", async () => {
    // Strokes are 2 pixels thick: one pixel on either side of the line.
    expect(await ink("H")).toMatchObject({ top: 9, bottom: 24 });
    expect(await ink("x")).toMatchObject({ top: 13, bottom: 24 });
    expect(await ink("p")).toMatchObject({ top: 13, bottom: 28 });
  });

  it("widths add up, with the same space between any two letters", () => {
    const gap = letteringWidth("HH", style) - 2 * letteringWidth("H", style);
    expect(letteringWidth("HHH", style)).toBeCloseTo(3 * letteringWidth("H", style) + 2 * gap);
    // "I" is a line without width: its stroke alone.
    expect(letteringWidth("I", style)).toBe(2);
    expect(letteringWidth("", style)).toBe(2);
  });

  it("draws a box for a character without a letter, and nothing for a space", async () => {
    expect((await ink("é"))?.bytes).toBe((await ink("漢"))?.bytes);
    expect(await ink(" ")).toBeUndefined();
  });
});
