import type { ProtocolImages } from "./protocol.js";

export const imagenetValidation: ProtocolImages = {
  set: "ImageNet (ILSVRC2012) validation",
  count: 50_000,
  fileName: /ILSVRC2012_val_\d{8}/,
  example: "ILSVRC2012_val_00000001.JPEG",
};

export const cocoValidation: ProtocolImages = {
  set: "MS COCO 2017 validation",
  count: 5_000,
  fileName: /(?<!\d)\d{12}(?!\d)/,
  example: "000000000139.jpg",
};
