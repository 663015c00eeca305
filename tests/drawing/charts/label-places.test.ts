import { expect, test } from "vitest";
import { labelPlaces, pixelsOf } from "../../../src/drawing/charts/index.js";

test("a label stands right of its dot, and elsewhere where another stands there or the drawing ends", () => {
  const [first, beside, under, edge] = labelPlaces([
    { x: 100, y: 100, text: "rotation" }, // 109 to 165
    { x: 130, y: 118, text: "vq" }, // 139 to 153, and 111.5 to 124.5: clear of the first's, which ends at 106.5
    { x: 80, y: 100, text: "simvq" }, // right would lie on the first dot
    { x: 470, y: 50, text: "fsq" }, // 479 to 500
  ]);
  expect(first).toEqual({ dx: 9, dy: 0, textAnchor: "start" });
  expect(beside?.textAnchor).toBe("start");
  expect(under).toEqual({ dx: -9, dy: 0, textAnchor: "end" });
  expect(edge).toEqual({ dx: -9, dy: 0, textAnchor: "end" });
});

test("pixels are those of the axes that a drawing states", () => {
  const at = pixelsOf('<svg role="img" data-x="linear 0.1 0.5 58 416" data-y="linear 18 23 220 26" >');
  // Half of the way across, a fifth of the way up.
  const [x, y] = at(0.3, 19);
  expect(x).toBeCloseTo(237, 9);
  expect(y).toBeCloseTo(181.2, 9);
});
