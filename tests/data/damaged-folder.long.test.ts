import { describe } from "vitest";
import { testDamagedFolder } from "./damaged-folder.js";

describe("a thousand images, fifty of them damaged in ten ways", () =>
  testDamagedFolder({ images: 1000, damaged: 50, steps: 16 }));
