import { it } from "vitest";
import { expectFlipsDetected } from "./saved-checkpoints.js";

it("Checkpoints detects any flipped bit in the values, and any in the header that changes what it says", () =>
  expectFlipsDetected(1));
