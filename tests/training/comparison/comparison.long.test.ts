import { beforeAll, it } from "vitest";
import { useEngine } from "../../engine.js";
import { tinyFolders } from "../tiny-runs.js";
import { expectComparable } from "./comparisons.js";

const folders = await tinyFolders();

beforeAll(useEngine);

it("trains every quantizer with every seed into a folder of its own, comparable with the others", () =>
  expectComparable(folders, ["vq", "rotation", "simvq", "fsq"]));
