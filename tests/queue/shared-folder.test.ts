import path from "node:path";
import { describe, expect, it } from "vitest";
import { SharedFolder } from "../../src/queue/shared-folder.js";

const shared = new SharedFolder("/mnt/shared");

describe("SharedFolder", () => {
  it("names files from the folder on, so that another machine finds them below its own", () => {
    expect(shared.nameOf("/mnt/shared/photos/a b.png")).toBe("photos/a b.png");
    const there = new SharedFolder("/srv/data");
    expect(there.pathOf("photos/a b.png")).toBe(path.join("/srv/data", "photos", "a b.png"));
  });

  it("refuses what lies outside, by the option that changes it", () => {
    expect(shared.nameWithin("/mnt/other/a.png")).toBeUndefined();
    expect(shared.nameWithin("/mnt/shared")).toBeUndefined();
    expect(() => shared.nameOf("/mnt/sharedx/a.png")).toThrow(/^shared: expected a folder that holds/);
  });

  it.each(["../a", "a/../../b", "/etc/passwd", "", "a\0b", "a\\..\\..\\b", "C:/a"])(
    "leads nowhere else: %j",
    (name) => {
      expect(() => shared.pathOf(name)).toThrow(/expected a name within the shared folder/);
    },
  );

  it("takes names that only look like it", () => {
    expect(shared.pathOf("a..b/..c.png")).toBe(path.join("/mnt/shared", "a..b", "..c.png"));
  });
});
