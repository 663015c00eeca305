import { InvalidArgumentError } from "commander";

const KINDS = ["vgg", "alex", "squeeze", "onnx"] as const;

/** A network of image features, and the files that it is read from. */
export interface NetworkSpec {
  readonly kind: (typeof KINDS)[number];
  readonly weights: string;
  readonly heads?: string;
}

/** Whether a value names a network by its files and is no single file. */
export function isNetworkSpec(text: string): boolean {
  return KINDS.some((kind) => text.startsWith(`${kind}=`));
}

/** `vgg=vgg16.pth,heads=vgg.pth`, as a flag has it. */
export function networkSpec(text: string): NetworkSpec {
  const form = `Expected files as vgg=FILE,heads=FILE, by ${KINDS.join(", ")}.`;
  const parts = text.split(",").map((part) => {
    const at = part.indexOf("=");
    if (at < 1 || at === part.length - 1) throw new InvalidArgumentError(form);
    return [part.slice(0, at).trim(), part.slice(at + 1).trim()] as const;
  });
  const files = new Map(parts);
  const kind = KINDS.find((each) => files.has(each));
  const heads = files.get("heads");
  const known = [...files.keys()].filter((name) => name === kind || name === "heads");
  if (kind === undefined || known.length < parts.length) throw new InvalidArgumentError(form);
  return { kind, weights: files.get(kind) as string, ...(heads === undefined ? {} : { heads }) };
}
