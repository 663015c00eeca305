/**
 * Names of another library's modules beside ours, as templates that read both ways. `{i}` is a stage, the largest grid
 * first, and `{j}` a block of it; `{~i}` counts stages from the smallest grid; `{u}` is the doubling after decoder stage i.
 *
 * E.g. `["decoder.up.{i}.block.{j}.conv1", "decoder/stage{i}/block{j}/conv1"]`.
 */
export type NamePair = readonly [theirs: string, ours: string];

/** What indices are counted by. */
export interface Counts {
  /** S. */
  readonly stages: number;
  /** d, the times that the grid is halved. */
  readonly halvings: number;
}

interface Places {
  i?: number;
  j?: number;
}

type Format = (places: Places) => string;

interface Template {
  readonly pattern: RegExp;
  readonly read: (match: RegExpExecArray) => Places;
  readonly format: Format;
}

/** Names of modules of one library, both ways. */
export class NameTable {
  readonly #pairs: readonly { readonly theirs: Template; readonly ours: Template }[];

  constructor(pairs: readonly NamePair[], counts: Counts) {
    this.#pairs = pairs.map(([theirs, ours]) => ({
      theirs: templateOf(theirs, counts),
      ours: templateOf(ours, counts),
    }));
  }

  /** @param module e.g. `decoder.up.0.block.1.conv1` @returns undefined for a name that is in no template */
  toOurs(module: string): string | undefined {
    return this.#translate(module, "theirs", "ours");
  }

  /** @param module e.g. `decoder/stage0/block1/conv1` */
  toTheirs(module: string): string | undefined {
    return this.#translate(module, "ours", "theirs");
  }

  #translate(name: string, from: "theirs" | "ours", to: "theirs" | "ours"): string | undefined {
    for (const pair of this.#pairs) {
      const match = pair[from].pattern.exec(name);
      if (match !== null) return pair[to].format(pair[from].read(match));
    }
    return undefined;
  }
}

/** How each placeholder shows an index, and what it shows it of. */
function placeholder(name: string, { stages, halvings }: Counts) {
  const above = stages - halvings;
  switch (name) {
    case "i":
      return { of: "i", show: (i: number) => i, read: (shown: number) => shown } as const;
    case "j":
      return { of: "j", show: (j: number) => j, read: (shown: number) => shown } as const;
    case "~i":
      return {
        of: "i",
        show: (i: number) => stages - 1 - i,
        read: (shown: number) => stages - 1 - shown,
      } as const;
    case "u":
      return { of: "i", show: (i: number) => i - above, read: (shown: number) => shown + above } as const;
    default:
      throw new TypeError(`unknown placeholder {${name}}`);
  }
}

function templateOf(template: string, counts: Counts): Template {
  const parts = template.split(/\{([^}]+)\}/); // text, placeholder, text, …
  const holders = parts.filter((_, at) => at % 2 === 1).map((name) => placeholder(name, counts));
  const source = parts.map((part, at) =>
    at % 2 === 1 ? "(\\d+)" : part.replace(/[.*+?^$()|[\]\\]/g, "\\$&"),
  );
  return {
    pattern: new RegExp(`^${source.join("")}$`),
    read: (match) => {
      const places: Places = {};
      for (const [at, { of, read }] of holders.entries()) places[of] = read(Number(match[at + 1]));
      return places;
    },
    format: (places) =>
      parts
        .map((part, at) => {
          if (at % 2 === 0) return part;
          const { of, show } = placeholder(part, counts);
          return String(show(places[of] ?? 0));
        })
        .join(""),
  };
}
