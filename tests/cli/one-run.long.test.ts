import { test } from "vitest";
import { expectOneRun, type Words } from "./one-runs.js";

test.each<Words>([
  ["vq", [], {}, /^recipe {5}recommended: vq has a codebook of moving averages [^\n]+; --recipe paper has/m],
  ["simvq", [], {}, /^(?![\s\S]*recipe {5})/],
])("train, compare and code make one run of the same words: %s %o", (...words) => expectOneRun(words));
