import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import type { ObjectiveDescription } from "../registry/definition.js";

/** Networks that features may come from: those of LPIPS, or any of an ONNX file. */
export const perceptualNetworks = ["vgg", "alex", "squeeze", "onnx"] as const;

const networkSchema = z
  .strictObject({
    kind: z.enum(perceptualNetworks),
    /** The file of its weights: torchvision's, or the ONNX file. */
    weights: z.string().min(1),
    /** The file of LPIPS's linear heads; null weighs all channels by 1. */
    heads: z.string().min(1).nullable().default(null),
    /** Of the weights that are used, SHA-256; null takes whatever is there, and the run's config then has it. */
    fingerprint: z.string().min(1).nullable().default(null),
  })
  .refine(({ kind, heads }) => kind !== "onnx" || heads === null, {
    path: ["heads"],
    error: "expected null beside an ONNX file: weigh channels inside of it.",
  });

/** Which network, and where its weights are. JSON. */
export type PerceptualNetworkConfig = Readonly<z.output<typeof networkSchema>>;

const schema = z.strictObject({
  kind: z.literal("perceptual"),
  network: networkSchema,
  /** Of the mean distance of the batch. */
  weight: z.number().min(0).default(1),
  /** Images that go through the network at once; null: the whole batch. Fewer take a little less memory. */
  batch: z.int().min(1).nullable().default(null),
});

/** Options of the perceptual objective with every default written out. JSON. */
export type PerceptualConfig = Readonly<z.output<typeof schema>>;

/** What each network leaves something of. */
const smallest = { vgg: 16, alex: 31, squeeze: 17, onnx: 1 } as const;

const titles = { vgg: "VGG16", alex: "AlexNet", squeeze: "SqueezeNet 1.1", onnx: "an ONNX file" } as const;

/** How far images and reconstructions are apart by a pretrained network's features. */
export const perceptualDescription: ObjectiveDescription<PerceptualConfig> = {
  kind: "perceptual",
  summary: "LPIPS, or another distance of a pretrained network's features",
  parse: (value, where) => parseConfig(schema, value, where),
  smallestSide: ({ network }) => smallest[network.kind],
  card: ({ network: { kind, heads, fingerprint }, weight }) => [
    {
      loss: heads === null ? "perceptual" : "LPIPS",
      weight,
      formula: `Σ over features of ${titles[kind]} of the mean over positions of ${heads === null ? "" : "weighted "}‖f(x) − f(x̂)‖², channels at length 1${fingerprint === null ? "" : `; weights ${fingerprint.slice(0, 12)}`}`,
      moves: "encoder, decoder",
      leaves: "the network",
    },
  ],
};

/** Checks what says which network is meant. @throws ConfigError at `where` */
export function parsePerceptualNetwork(value: unknown, where: string): PerceptualNetworkConfig {
  return parseConfig(networkSchema, value, where);
}
