import { expect, it, onTestFinished } from "vitest";
import { GraphWriter } from "../../../src/backend/onnx/graph-writer.js";
import { InferenceSession, Tensor } from "../../../src/backend/onnxruntime.js";

/** Runs a graph on x [2, 3] = 1..6 and returns every output. */
async function run(g: GraphWriter): Promise<Record<string, number[]>> {
  const session = await InferenceSession.create(g.encode("test"), { intraOpNumThreads: 1 });
  onTestFinished(() => session.release());
  const x = new Tensor("float32", Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
  const results = await session.run({ x });
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float32Array)]),
  );
}

const rows = { type: "float32", dims: ["rows", 3] } as const;

it("emits equal nodes once, whatever their scope, and names them after the first", () => {
  const g = new GraphWriter();
  const x = g.input("x", "float32", ["rows", 3]);
  const double = () => g.op("Mul", [x, g.scalar(2)]);
  const first = g.within("head", double);
  expect([first, g.within("tail", double), double()]).toEqual(["head/Mul", "head/Mul", "head/Mul"]);
  expect(g.op("Mul", [x, g.scalar(3)])).toBe("Mul");
  expect(g.op("Mul", [x, g.scalar(4)])).toBe("Mul_2");
  // A name that somebody gave to something else is passed over.
  g.constant("Mul_3", Float32Array.of(1), [1]);
  expect(g.op("Mul", [x, g.scalar(5)])).toBe("Mul_4");
});

it("tells constants apart by type, sign of zero and shape, and a name by its values", () => {
  const g = new GraphWriter();
  const names = [g.scalar(0), g.scalar(-0), g.scalar(0, "int32"), g.scalar(0, "int64"), g.int64s([0])];
  expect(new Set(names).size).toBe(names.length);
  expect(g.scalar(0)).toBe(names[0]);
  expect(g.literal(Float32Array.of(1, 2), [2, 1])).not.toBe(g.literal(Float32Array.of(1, 2), [1, 2]));
  expect(g.literal(Uint8Array.of(1), [], "bool")).not.toBe(g.literal(Uint8Array.of(1), []));
  const table = g.constant("table", Float32Array.of(1, 2), [2]);
  expect(g.constant("table", Float32Array.of(1, 2), [2])).toBe(table);
  for (const [data, dims] of [
    [Float32Array.of(1, 3), [2]],
    [Float32Array.of(1, 2), [2, 1]],
    [Int32Array.of(1, 2), [2]],
  ] as const)
    expect(() => g.constant("table", data, dims)).toThrow(
      /constant "table": expected the values that it has/,
    );
});

it("leaves out what no output depends on, and keeps what only a body reads", async () => {
  const g = new GraphWriter();
  const x = g.input("x", "float32", ["rows", 3]);
  const unused = g.constant("unused", new Float32Array(1000), [1000]);
  g.op("Add", [g.op("ReduceSum", [unused], {}), g.scalar(1)]);
  const weights = g.constant("weights", Float32Array.of(1, 10, 100), [3]);
  const body = {
    name: "row",
    nodes: [{ opType: "Mul", inputs: ["row", weights], outputs: ["scaled"], attributes: {} }],
    initializers: [],
    inputs: [{ name: "row", type: "float32", dims: [3] }],
    outputs: [{ name: "scaled", type: "float32", dims: [3] }],
  } as const;
  g.output("y", g.op("Scan", [x], { num_scan_inputs: 1, body: { graph: body } }), rows);
  const { nodes, initializers } = g.graph("test");
  expect(nodes.map(({ opType }) => opType)).toEqual(["Scan"]);
  expect(initializers.map(({ name }) => name)).toEqual(["weights"]);
  expect(g.constantBytes).toBe(12);
  expect(await run(g)).toEqual({ y: [1, 20, 300, 4, 50, 600] });
});

it("makes outputs of tensors that are inputs, constants, read elsewhere or outputs already", async () => {
  const g = new GraphWriter();
  const x = g.input("x", "float32", ["rows", 3]);
  const doubled = g.op("Mul", [x, g.scalar(2)]);
  g.describe(doubled, ["rows", 3]);
  expect(g.output("doubled", doubled, rows)).toBe("doubled");
  expect(g.output(undefined, doubled, rows)).toBe("Identity");
  expect(g.output("again", doubled, rows)).toBe("again");
  g.output("input", x, rows);
  g.output("constant", g.constant("table", Float32Array.of(7, 8), [2]), { type: "float32", dims: [2] });
  const next = g.op("Add", [doubled, g.scalar(1)]);
  expect(g.output(undefined, next, rows)).toBe(next);
  expect(g.output("next", next, rows)).toBe("next");
  const twice = [2, 4, 6, 8, 10, 12];
  expect(await run(g)).toEqual({
    doubled: twice,
    Identity: twice,
    again: twice,
    input: [1, 2, 3, 4, 5, 6],
    constant: [7, 8],
    Add: twice.map((value) => value + 1),
    next: twice.map((value) => value + 1),
  });
});

it("writes a body that reads what was made before it, and keeps its nodes to itself", async () => {
  const g = new GraphWriter();
  const x = g.input("x", "float32", ["rows", 3]);
  const offset = g.op("ReduceMax", [x, g.int64s([0])], { keepdims: 0 }); // [4, 5, 6]
  const row = { type: "float32", dims: [3] } as const;
  const inside: string[] = [];
  const body = g.body({ name: "row", ...row }, row, (input) => {
    inside.push(g.op("Neg", [offset]), g.op("Mul", [input, g.scalar(10)]));
    return g.op("Add", inside);
  });
  g.output("y", g.op("Scan", [x], { num_scan_inputs: 1, body: { graph: body } }), rows);
  // The same outside is another node: nothing outside may read what a body made.
  const outside = g.op("Neg", [offset]);
  expect(inside).not.toContain(outside);
  g.output("z", outside, row);
  expect(body.nodes.map(({ opType }) => opType)).toEqual(["Neg", "Mul", "Add"]);
  expect(await run(g)).toEqual({ y: [6, 15, 24, 36, 45, 54], z: [-4, -5, -6] });
});
