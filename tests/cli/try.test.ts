import { mkdir, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { useEngine } from "../engine.js";
import { modelFile, quantizers } from "../tokenizer/model.js";
import { temporaryFolder, vqkit } from "./harness.js";

const ownFolders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith("vqkit-try-"));

test("serves a model's page until it is interrupted, and leaves nothing behind", async () => {
  await useEngine();
  const model = await modelFile(await temporaryFolder(), quantizers.fsq);
  const before = await ownFolders();
  const interruption = new AbortController();
  const running = vqkit(["try", model, "--port", "0", "--threads", "1"], interruption.signal);
  await expect.poll(async () => (await ownFolders()).length, { timeout: 20_000 }).toBe(before.length + 1);
  const [own = ""] = (await ownFolders()).filter((name) => !before.includes(name));
  await expect
    .poll(() => readdir(path.join(tmpdir(), own)), { timeout: 20_000 })
    .toEqual(expect.arrayContaining(["decoder.onnx", "encoder.onnx"]));
  setTimeout(() => interruption.abort(), 300);
  const { code, stdout, stderr } = await running;
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: "Preparing the model …\nImages stay in the browser. Ctrl-C ends it.\n",
  });
  expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?model=model&image=coffee\.jpg\n$/);
  await expect(fetch(stdout.trim())).rejects.toThrow();
  expect(await ownFolders()).toEqual(before);
});

test("says in one line that there is no model, and leaves nothing behind", async () => {
  const before = await ownFolders();
  const empty = path.join(await temporaryFolder(), "empty");
  await mkdir(empty);
  const { code, stdout, stderr } = await vqkit(["try", empty, "--port", "0"]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(/^Preparing the model …\nerror: [^\n]*empty[^\n]*\n$/);
  expect(await ownFolders()).toEqual(before);
});
