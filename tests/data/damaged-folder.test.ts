import { describe } from "vitest";
import { testDamagedFolder } from "./damaged-folder.js";

describe("a hundred images, ten of them damaged in ten ways", () =>
  testDamagedFolder({ images: 100, damaged: 10, steps: 2 }));
