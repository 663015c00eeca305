import { activation, branches, convolution, type Layer, pool, sequence } from "../../nn/index.js";

/** The networks of LPIPS. */
export const backboneNames = ["vgg", "alex", "squeeze"] as const;
export type BackboneName = (typeof backboneNames)[number];

/** The layers of a network up to its last feature that is compared. */
export interface Backbone {
  /** Each begins where the one before ends; what each makes is a feature. */
  readonly stages: readonly Layer[];
  /** Of each feature. */
  readonly channels: readonly number[];
}

/**
 * A network of torchvision, cut where LPIPS compares it. Its parameters are called as torchvision's: `features/0/kernel`
 * is `features.0.weight`.
 *
 * @param divisor of all channels but the image's; 1 is the published network
 */
export function backbone(name: BackboneName, divisor = 1): Backbone {
  const made = { vgg, alex, squeeze }[name](divisor);
  return {
    stages: made.map(({ layers }) => sequence(layers)),
    channels: made.map(({ channels }) => channels),
  };
}

interface Stage {
  readonly layers: readonly Layer[];
  readonly channels: number;
}

type Channels = readonly [inputs: number, outputs: number];

const relu = activation("relu");

/** A convolution and its ReLU at a place of `features`. */
function convolved(place: number | string, [inputs, outputs]: Channels, windows: Windows = {}): Layer[] {
  const { kernel = 3, stride = 1, padding = 1 } = windows;
  return [convolution({ name: `features/${place}`, inputs, outputs, kernel, stride, padding }), relu];
}

interface Windows {
  readonly kernel?: number;
  readonly stride?: number;
  readonly padding?: number;
}

/** VGG16, Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556: after the last ReLU of each of five sizes. */
function vgg(divisor: number): Stage[] {
  const counts = [2, 2, 3, 3, 3];
  let [place, inputs] = [0, 3];
  return counts.map((count, i) => {
    const channels = Math.min(64 * 2 ** i, 512) / divisor;
    const layers: Layer[] = [];
    if (i > 0) {
      layers.push(pool("max", { kernel: 2, stride: 2 }));
      place++;
    }
    for (let j = 0; j < count; j++) {
      layers.push(...convolved(place, [inputs, channels]));
      inputs = channels;
      place += 2;
    }
    return { layers, channels };
  });
}

/** AlexNet in torchvision's form, Krizhevsky 2014, https://arxiv.org/abs/1404.5997: after each ReLU. */
function alex(divisor: number): Stage[] {
  const [a, b, c, d] = [64 / divisor, 192 / divisor, 384 / divisor, 256 / divisor] as const;
  const halved = pool("max", { kernel: 3, stride: 2 });
  return [
    { layers: convolved(0, [3, a], { kernel: 11, stride: 4, padding: 2 }), channels: a },
    { layers: [halved, ...convolved(3, [a, b], { kernel: 5, padding: 2 })], channels: b },
    { layers: [halved, ...convolved(6, [b, c])], channels: c },
    { layers: convolved(8, [c, d]), channels: d },
    { layers: convolved(10, [d, d]), channels: d },
  ];
}

/** SqueezeNet 1.1, Iandola et al. 2016, https://arxiv.org/abs/1602.07360: after the first ReLU, and where sizes change. */
function squeeze(divisor: number): Stage[] {
  // Sizes are rounded up: a window that begins inside the image counts.
  const halved = pool("max", {
    kernel: 3,
    stride: 2,
    padding: { top: 0, left: 0, bottom: 1, right: 1 },
  });
  const fire = (place: number, inputs: number, narrow: number, wide: number): Layer[] => {
    const [from, to] = [narrow / divisor, wide / divisor];
    const part = (name: string, channels: Channels, kernel: number) =>
      convolved(`${place}/${name}`, channels, { kernel, padding: (kernel - 1) / 2 });
    return [
      ...part("squeeze", [inputs / divisor, from], 1),
      branches([sequence(part("expand1x1", [from, to], 1)), sequence(part("expand3x3", [from, to], 3))]),
    ];
  };
  const of = (channels: number, ...layers: readonly Layer[]) => ({ layers, channels: channels / divisor });
  return [
    of(64, ...convolved(0, [3, 64 / divisor], { stride: 2, padding: 0 })),
    of(128, halved, ...fire(3, 64, 16, 64), ...fire(4, 128, 16, 64)),
    of(256, halved, ...fire(6, 128, 32, 128), ...fire(7, 256, 32, 128)),
    of(384, halved, ...fire(9, 256, 48, 192)),
    of(384, ...fire(10, 384, 48, 192)),
    of(512, ...fire(11, 384, 64, 256)),
    of(512, ...fire(12, 512, 64, 256)),
  ];
}
