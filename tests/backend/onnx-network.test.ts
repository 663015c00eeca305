import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, it, onTestFinished } from "vitest";
import { encodeModel } from "../../src/backend/onnx/model-proto.js";
import { OnnxNetwork } from "../../src/backend/onnx-network.js";

/** difference = a - b and twice = 2·a, of [N, 3] and [N, 3]; fixed, free and named sizes. */
function model(type: "float32" | "int32" = "float32"): Uint8Array {
  const bytes = type === "float32" ? new Uint8Array(Float32Array.of(2).buffer) : Uint8Array.of(2, 0, 0, 0);
  return encodeModel(
    {
      name: "arithmetic",
      nodes: [
        { opType: "Sub", inputs: ["a", "b"], outputs: ["difference"], attributes: {} },
        { opType: "Mul", inputs: ["a", "two"], outputs: ["twice"], attributes: {} },
      ],
      initializers: [{ name: "two", type, dims: [], bytes }],
      inputs: [
        { name: "a", type, dims: ["N", 3] },
        { name: "b", type, dims: ["N", 3] },
      ],
      outputs: [
        { name: "difference", type, dims: ["N", 3] },
        { name: "twice", type, dims: ["N", 3] },
      ],
    },
    { opset: 18, producer: "test" },
  );
}

async function load(): Promise<OnnxNetwork> {
  const network = await OnnxNetwork.load(model(), { name: "arithmetic.onnx", threads: 1 });
  onTestFinished(() => network.release());
  return network;
}

/** The model again, and in its graph a weight of two numbers that says it is to be found in `weights.data`. */
function withExternalWeight(): Uint8Array {
  const w = new BinaryWriter();
  const message = (field: number, body: () => void) => {
    w.tag(field, WireType.LengthDelimited).fork();
    body();
    w.join();
  };
  message(7, () =>
    message(5, () => {
      w.tag(1, WireType.Varint).int64(2); // dims
      w.tag(2, WireType.Varint).int32(1); // float32
      w.tag(8, WireType.LengthDelimited).string("far");
      message(13, () => {
        w.tag(1, WireType.LengthDelimited).string("location");
        w.tag(2, WireType.LengthDelimited).string("weights.data");
      });
      w.tag(14, WireType.Varint).int32(1); // EXTERNAL
    }),
  );
  // Two graph fields of one message are merged: so protobuf says.
  return Buffer.concat([model(), w.finish()]);
}

describe("OnnxNetwork", () => {
  it("says what goes in and out, and runs it in the file's order", async () => {
    const network = await load();
    expect(network.inputs).toEqual([
      { name: "a", shape: ["N", 3] },
      { name: "b", shape: ["N", 3] },
    ]);
    expect(network.outputs.map(({ name }) => name)).toEqual(["difference", "twice"]);
    const [difference, twice] = await network.run([
      { data: Float32Array.of(1, 2, 3, 4, 5, 6), dims: [2, 3] },
      { data: Float32Array.of(6, 4, 2, 0, -2, -4), dims: [2, 3] },
    ]);
    expect([...(difference?.data ?? [])]).toEqual([-5, -2, 1, 4, 7, 10]);
    expect([...(twice?.data ?? [])]).toEqual([2, 4, 6, 8, 10, 12]);
    expect(twice?.dims).toEqual([2, 3]);
  });

  it("refuses values that do not fit, by name", async () => {
    const network = await load();
    const pair = { data: Float32Array.of(1, 2), dims: [1, 2] };
    const triple = { data: Float32Array.of(1, 2, 3), dims: [1, 3] };
    await expect(network.run([triple])).rejects.toMatchObject({
      code: "shape",
      message: "arithmetic.onnx: expected 2 inputs, got 1.",
    });
    await expect(network.run([triple, pair])).rejects.toMatchObject({
      code: "shape",
      message: expect.stringMatching(/^arithmetic\.onnx: input "b" takes \[N,3\], got \[1,2\]\./),
    });
    await expect(network.run([{ ...triple, dims: [2, 3] }, triple])).rejects.toMatchObject({ code: "shape" });
    // Sizes that the file leaves open may still disagree with each other.
    const three = { data: new Float32Array(9), dims: [3, 3] };
    const two = { data: new Float32Array(6), dims: [2, 3] };
    await expect(network.run([three, two])).rejects.toMatchObject({
      code: "runtime",
      message: expect.stringMatching(/^arithmetic\.onnx: ONNX Runtime failed: [^\n]+$/),
    });
  });

  it("refuses files that it cannot run", async () => {
    await expect(OnnxNetwork.load(new Uint8Array(0), { name: "empty.onnx" })).rejects.toMatchObject({
      code: "runtime",
      message: expect.stringMatching(/^empty\.onnx: expected an ONNX model/),
    });
    await expect(OnnxNetwork.load(model().slice(0, -40), { name: "cut.onnx" })).rejects.toMatchObject({
      code: "runtime",
    });
    await expect(OnnxNetwork.load(withExternalWeight(), { name: "split.onnx" })).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("weights in a file beside it. Export it without external data."),
    });
    await expect(OnnxNetwork.load(model("int32"), { name: "whole.onnx", threads: 1 })).rejects.toMatchObject({
      code: "unsupported",
      message: 'whole.onnx: input "a": expected float32, got int32.',
    });
  });
});
