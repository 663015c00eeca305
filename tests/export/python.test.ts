import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { exportOnnx } from "../../src/export/index.js";
import { Tokenizer, writeCodes } from "../../src/tokenizer/index.js";
import { temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { rawImage } from "../tokenizer/model.js";
import { runFolder, variants } from "./models.js";

/** VQKIT_PYTHON=python takes an interpreter with onnxruntime, numpy and pillow, and onnx for the checker. */
const python = process.env.VQKIT_PYTHON ?? "python3";

function has(modules: string): boolean {
  try {
    execFileSync(python, ["-c", `import ${modules}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const snippet = /```python\n([\s\S]*?)```/.exec(
  readFileSync(resolve(import.meta.dirname, "../../docs/export.md"), "utf8"),
)?.[1];

const folder = await temporaryFolder();
beforeAll(useEngine);

const runs = has("onnxruntime, numpy, PIL");
describe.skipIf(!runs)(
  `docs/export.md${runs ? "" : " (no Python with onnxruntime, numpy and pillow)"}`,
  () => {
    it("has 15 lines of Python that find vqkit's indices", async () => {
      expect(snippet?.trim().split("\n").length).toBeLessThanOrEqual(15);
      const run = await runFolder(folder, variants["simvq, group norm, silu, factor 8"]);
      const dir = join(folder, "python");
      await exportOnnx(run, { out: join(dir, "onnx"), threads: 1 });
      const { pixels, height, width } = rawImage(9, { height: 45, width: 62 });
      await sharp(pixels, { raw: { height, width, channels: 3 } })
        .png()
        .toFile(join(folder, "cat.png"));
      copyFileSync(join(folder, "cat.png"), join(dir, "cat.png"));
      const tokenizer = await Tokenizer.load(run);
      const codes = await tokenizer.encode(join(dir, "cat.png"));
      await writeCodes(join(dir, "codes"), [codes]);
      const printed = execFileSync(python, ["-c", snippet ?? ""], { cwd: dir, encoding: "utf8" });
      expect(printed.trim()).toBe("0 of 48 indices differ; 40 codes"); // ⌈45/8⌉ · ⌈62/8⌉
      const again = await sharp(join(dir, "again.png")).raw().toBuffer({ resolveWithObject: true });
      const decoded = await tokenizer.decode(codes);
      expect(again.info).toMatchObject({ width: 62, height: 45 });
      const largest = again.data.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - (decoded.pixels[i] as number))),
        0,
      );
      expect(largest).toBeLessThanOrEqual(1);
      tokenizer.dispose();
    });
  },
);

const checks = has("onnx");
describe.skipIf(!checks)(`the onnx checker${checks ? "" : " (no Python with onnx)"}`, () => {
  it.each(Object.entries(variants))(
    "accepts %s, with every shape inferred and no operator of another domain",
    async (name, variant) => {
      const out = join(folder, `checked ${name}`);
      await exportOnnx(await runFolder(folder, variant), { out, threads: 1 });
      for (const part of ["encoder", "decoder"]) {
        const file = join(out, `${part}.onnx`);
        expect(existsSync(file)).toBe(true);
        const script = [
          "import onnx, sys",
          "m = onnx.load(sys.argv[1])",
          "onnx.checker.check_model(m, full_check=True)",
          "onnx.shape_inference.infer_shapes(m, check_type=True, strict_mode=True, data_prop=True)",
          "print(sorted({o.domain for o in m.opset_import} | {n.domain for n in m.graph.node}), m.opset_import[0].version)",
        ].join("\n");
        expect(execFileSync(python, ["-c", script, file], { encoding: "utf8" }).trim()).toBe("[''] 18");
      }
    },
  );
});
