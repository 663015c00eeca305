import { beforeAll, it } from "vitest";
import { useEngine } from "../engine.js";
import { expectFrozen, type Part, trainSource } from "./frozen-parts.js";
import { tinyFolders } from "./tiny-runs.js";

const folders = await tinyFolders();

beforeAll(async () => {
  await useEngine();
  await trainSource(folders);
});

it.each<readonly Part[][]>([[["decoder"]], [["encoder"]]])(
  "%j of a model that is frozen stays as it is, to the last bit; the others learn",
  async (freeze) => {
    await expectFrozen(folders, freeze);
  },
);
