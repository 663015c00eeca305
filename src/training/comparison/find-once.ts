import { findDatasetImages } from "../../data/index.js";

/** Finds the images of each source once, for all runs that have it: they see the same files, whatever happens meanwhile. */
export function findOnce(): typeof findDatasetImages {
  const found = new Map<string, ReturnType<typeof findDatasetImages>>();
  return (images, options) => {
    const key = JSON.stringify(images);
    const known = found.get(key) ?? findDatasetImages(images, options);
    found.set(key, known);
    return known;
  };
}
