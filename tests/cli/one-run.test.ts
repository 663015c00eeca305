import { expect, test } from "vitest";
import { vqkit } from "./harness.js";
import { expectOneRun, oneRun, type Words } from "./one-runs.js";

test.each<Words>([
  ["vq", ["--recipe", "paper"], { recipe: "paper" }, /^recipe {5}paper: vq as in its paper[^;\n]*$/m],
])("train, compare and code make one run of the same words: %s %o", (...words) => expectOneRun(words));

test("a recipe that there is not is told by its flag", async () => {
  const { photos, shared } = await oneRun();
  for (const command of ["train", "compare"]) {
    const { code, stderr } = await vqkit([command, photos, "--config", shared, "--recipe", "papers"]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/^error: [^\n]*"papers"[^\n]*Did you mean "paper"\?/),
    });
  }
});
