import { findDatasetImages } from "../../data/index.js";

/** Finds the images of each source once, for all runs that have it: they see the same files, whatever happens meanwhile. */
export function findOnce(): typeof findDatasetImages {
  const found = new Map<string, ReturnType<typeof findDatasetImages>>();
  return (source, options) => {
    const { images, filesFrom, column, imageKey } = source;
    const key = JSON.stringify([images, filesFrom, column, imageKey]);
    const known = found.get(key) ?? findDatasetImages(source, options);
    found.set(key, known);
    return known;
  };
}
