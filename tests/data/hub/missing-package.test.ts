import { expect, it, vi } from "vitest";
import { loadHubPackage } from "../../../src/data/hub/hub-access.js";

it("says what to install where the package is missing", async () => {
  vi.doMock("@huggingface/hub", () => {
    throw new Error("Cannot find package '@huggingface/hub' imported from hub-access.js");
  });
  const loading = loadHubPackage("hf://owner/name");
  await expect(loading).rejects.toMatchObject({ code: "data" });
  await expect(loading).rejects.toThrow(
    /^hf:\/\/owner\/name: expected the package @huggingface\/hub, [^\n]* Install it: npm install @huggingface\/hub\.$/,
  );
});
