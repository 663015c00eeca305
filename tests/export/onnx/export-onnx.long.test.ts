import { beforeAll, it } from "vitest";
import { temporaryFolder } from "../../data/temporary.js";
import { useEngine } from "../../engine.js";
import { expectSameIndices, variantNames, withFloats } from "./round-trips.js";

const folder = await temporaryFolder();
beforeAll(useEngine);

it.each(variantNames.filter((name) => !withFloats.includes(name)))(
  "%s, with float32 pixels, finds the same indices",
  (name) => expectSameIndices(folder, name, "float32"),
);
