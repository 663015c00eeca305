import { expect, it } from "vitest";
import { imageNames } from "../../../src/data/sources/image-names.js";

it.each<[string, string[], string[]]>([
  ["one file", ["/a/b/cat.jpg"], ["cat.jpg"]],
  ["one folder", ["/a/b/1.jpg", "/a/b/2.jpg"], ["1.jpg", "2.jpg"]],
  ["subfolders", ["/a/b/1.jpg", "/a/b/c/1.jpg", "/a/b/d/e/1.jpg"], ["1.jpg", "c/1.jpg", "d/e/1.jpg"]],
  ["folders that begin alike", ["/a/cats/1.jpg", "/a/catsup/1.jpg"], ["cats/1.jpg", "catsup/1.jpg"]],
  ["a folder inside that of an earlier file", ["/a/b/c/1.jpg", "/a/2.jpg"], ["b/c/1.jpg", "2.jpg"]],
  ["nothing in common", ["C:/1.jpg", "D:/2.jpg"], ["C:/1.jpg", "D:/2.jpg"]],
  ["no file", [], []],
])("names files by their paths from the common folder: %s", (_, files, names) => {
  expect(imageNames(files)).toEqual(names);
});
