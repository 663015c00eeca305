import { beforeAll, it } from "vitest";
import { temporaryFolder } from "../../data/temporary.js";
import { useEngine } from "../../engine.js";
import { expectSameIndices, first, variantNames, withFloats } from "./round-trips.js";

const folder = await temporaryFolder();
beforeAll(useEngine);

it.each(variantNames.filter((name) => !first.includes(name)))(
  "%s, with uint8 pixels, finds the same indices",
  (name) => expectSameIndices(folder, name, "uint8"),
);

it.each(variantNames.filter((name) => !withFloats.includes(name)))(
  "%s, with float32 pixels, finds the same indices",
  (name) => expectSameIndices(folder, name, "float32"),
);
