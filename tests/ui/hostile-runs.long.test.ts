import { it } from "vitest";
import { expectShownOrRefused } from "./hostile-runs.js";

it("a run that says anything at all is shown or refused in words: nothing breaks, nothing runs", () =>
  expectShownOrRefused(40));
