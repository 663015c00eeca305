import type { GraphWriter } from "../../backend/index.js";
import type { OnnxQuantizer } from "../onnx/onnx-quantizer.js";
import type { Quantizer } from "../quantizer.js";

/** How a sum of codes is written: member by member, as the quantizer computes it. */
export async function residualGraph(members: readonly Quantizer[]): Promise<OnnxQuantizer> {
  const graphs = await memberGraphs(members);
  return {
    metadata: metadataOf(graphs),
    writeEncoder(g, latents) {
      const indices: string[] = [];
      let residual = latents;
      for (const [i, graph] of graphs.entries()) {
        const { found, codes } = g.apart(constantsOf(i), () => {
          const made = graph.writeEncoder(g, residual);
          return { found: made, codes: graph.writeDecoder(g, made) };
        });
        indices.push(found);
        residual = g.op("Sub", [residual, codes]);
      }
      return g.op("Concat", indices, { axis: 3 });
    },
    writeDecoder(g, indices) {
      const parts = splitIndices(g, indices, members);
      return graphs
        .map((graph, i) => g.apart(constantsOf(i), () => graph.writeDecoder(g, parts[i] as string)))
        .reduce((sum, codes) => g.op("Add", [sum, codes]));
    },
  };
}

/** How codes of groups of channels are written: side by side. */
export async function groupedGraph(members: readonly Quantizer[]): Promise<OnnxQuantizer> {
  const graphs = await memberGraphs(members);
  const sizes = members.map(({ codeDim }) => codeDim);
  return {
    metadata: metadataOf(graphs),
    writeEncoder(g, latents) {
      const parts = splitLast(g, latents, sizes);
      const indices = graphs.map((graph, i) =>
        g.apart(constantsOf(i), () => graph.writeEncoder(g, parts[i] as string)),
      );
      return g.op("Concat", indices, { axis: 3 });
    },
    writeDecoder(g, indices) {
      const parts = splitIndices(g, indices, members);
      const codes = graphs.map((graph, i) =>
        g.apart(constantsOf(i), () => graph.writeDecoder(g, parts[i] as string)),
      );
      return g.op("Concat", codes, { axis: 3 });
    },
  };
}

function memberGraphs(members: readonly Quantizer[]): Promise<OnnxQuantizer[]> {
  return Promise.all(
    members.map((member) => {
      if (member.onnx === undefined) throw new TypeError(`${member.config.kind} says nothing of ONNX`);
      return member.onnx();
    }),
  );
}

/** Where the constants of member i stand. */
function constantsOf(i: number): string {
  return `quantizer ${i}/`;
}

/** What members say of themselves; where they differ, one after the other. */
function metadataOf(graphs: readonly OnnxQuantizer[]): Readonly<Record<string, string>> {
  const all = new Map<string, Set<string>>();
  for (const { metadata = {} } of graphs) {
    for (const [name, value] of Object.entries(metadata)) {
      all.set(name, (all.get(name) ?? new Set()).add(value));
    }
  }
  return Object.fromEntries([...all].map(([name, values]) => [name, [...values].join(" ")]));
}

function splitIndices(g: GraphWriter, indices: string, members: readonly Quantizer[]): readonly string[] {
  return splitLast(
    g,
    indices,
    members.map(({ numCodebooks }) => numCodebooks),
  );
}

/** [N, H, W, Σ sizes] → [N, H, W, size] each. */
function splitLast(g: GraphWriter, tensor: string, sizes: readonly number[]): readonly string[] {
  if (sizes.length === 1) return [tensor];
  return g.ops("Split", [tensor, g.int64s(sizes)], { axis: 3 }, sizes.length);
}
