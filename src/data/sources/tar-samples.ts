import { ConfigError } from "../../core/errors.js";
import { hasImageExtension } from "../formats.js";

/** What a name in WebDataset's form says: the sample that an entry belongs to, and which part of it the entry is. */
export interface SampleName {
  /** The path up to the first dot of the base name: `v1.0/cats/0001`. */
  readonly key: string;
  /** All that follows, in lower case: `jpg`, `depth.png`. */
  readonly ending: string;
}

/** @returns undefined for names without a key, such as hidden ones, or without an ending */
export function sampleName(name: string): SampleName | undefined {
  const [, key, ending] = /^((?:.*\/)?[^./]+)\.([^/]*)$/su.exec(name) ?? [];
  return key === undefined || ending === undefined ? undefined : { key, ending: ending.toLowerCase() };
}

/** Which entry of a sample is its image. */
export interface ImageChoice {
  /** How good an entry is, 0 the best; undefined for one that is never taken. */
  rank(ending: string): number | undefined;
  /** The endings that were asked for; undefined where any image is taken. */
  readonly asked: string | undefined;
}

/**
 * @param imageKey an ending, or several with ";" between them, the best first, as WebDataset has it: `jpg`, `jpg;png`,
 * `image.jpg`. Where absent: whatever has the ending of an image, by itself (`jpg`) rather than behind another (`depth.png`).
 * @throws ConfigError at `imageKey`
 */
export function imageChoice(imageKey: string | undefined): ImageChoice {
  if (imageKey === undefined) {
    const rank = (ending: string): number | undefined => {
      if (!hasImageExtension(`.${ending}`)) return undefined;
      return ending.includes(".") ? 1 : 0;
    };
    return { rank, asked: undefined };
  }
  const endings = endingsIn(imageKey);
  if (!isImageKey(imageKey)) {
    throw new ConfigError(
      "imageKey",
      `expected an ending such as "jpg", or several as "jpg;png", got ${JSON.stringify(imageKey)}.`,
    );
  }
  const rank = (ending: string): number | undefined => {
    const place = endings.indexOf(ending);
    return place < 0 ? undefined : place;
  };
  return { rank, asked: endings.join(", ") };
}

/** Whether `imageChoice` takes it. */
export function isImageKey(imageKey: string): boolean {
  return endingsIn(imageKey).every((ending) => ending !== "" && !ending.includes("/"));
}

function endingsIn(imageKey: string): string[] {
  return imageKey.split(";").map((ending) => ending.trim().replace(/^\./, "").toLowerCase());
}
