import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { hubAccess, hubCache } from "../../../src/data/hub/hub-access.js";
import { hubFiles, pinned } from "../../../src/data/hub/hub-files.js";
import { findDatasetImages, type HubFetch, openSource } from "../../../src/data/index.js";
import { someBytes, tarBytes } from "../sources/shards.js";
import { temporaryFolder } from "../temporary.js";
import { COMMIT, type HubServer, startHub } from "./hub-server.js";

const shard = await tarBytes([
  ["0.png", someBytes(1, 40)],
  ["1.png", someBytes(2, 50)],
]);
/** One file is larger than what the package fetches at one go. */
const FILES = {
  "data/train-1.tar": await tarBytes([["9.png", someBytes(5, 1_200_000)]]),
  "README.md": Buffer.from("text"),
  "data/train-0.tar": shard,
  "data/.hidden/a.png": someBytes(3, 9),
  "one.png": someBytes(4, 12),
};

const before = { ...process.env };
let hub: HubServer;
let cache: string;

beforeEach(async () => {
  hub = await startHub(FILES);
  cache = await temporaryFolder();
  Object.assign(process.env, { HF_ENDPOINT: hub.url, XDG_CACHE_HOME: cache });
  delete process.env.HF_TOKEN;
});
afterEach(() => hub.close());
afterAll(() => {
  for (const name of ["HF_ENDPOINT", "XDG_CACHE_HOME", "HF_TOKEN"]) delete process.env[name];
  Object.assign(process.env, before);
});

const folder = () => join(cache, "vqkit", "hub", "owner", "name", COMMIT);

describe("hubFiles", () => {
  it("downloads what images can be read from, once, in the order of their paths", async () => {
    const told: HubFetch[] = [];
    const files = await hubFiles("hf://owner/name", { onFetch: (each) => told.push(each) });
    const names = ["data/train-0.tar", "data/train-1.tar", "one.png"] as const;
    expect(files).toEqual(names.map((name) => join(folder(), name)));
    for (const name of names) expect((await readFile(join(folder(), name))).equals(FILES[name])).toBe(true);
    const bytes = names.reduce((sum, name) => sum + FILES[name].length, 0);
    const source = `hf://owner/name@${COMMIT}`;
    expect(told).toEqual([{ source, files: 3, missing: 3, bytes, folder: folder() }]);
    expect((await readdir(join(folder(), "data"))).sort()).toEqual(["train-0.tar", "train-1.tar"]);
    expect(hub.requests.filter((each) => /README|hidden/.test(each))).toEqual([]);
    hub.requests.length = 0;
    expect(await hubFiles(source, { onFetch: (each) => told.push(each) })).toEqual(files);
    expect([hub.requests, told.length]).toEqual([[], 1]);
  });

  it("downloads again what is missing or was cut short", async () => {
    const files = await hubFiles("hf://owner/name");
    await writeFile(files[0] as string, "short");
    await rm(files[2] as string);
    const told: HubFetch[] = [];
    await hubFiles("hf://owner/name", { onFetch: (each) => told.push(each) });
    expect(told.map(({ missing }) => missing)).toEqual([2]);
    expect((await readFile(files[0] as string)).equals(shard)).toBe(true);
  });

  it("takes a folder or a file of a data set, of a branch", async () => {
    const [one, ...others] = await hubFiles("hf://datasets/owner/name@v2/data/train-0.tar");
    expect([one, others]).toEqual([join(folder(), "data/train-0.tar"), []]);
    expect(await hubFiles("hf://owner/name/data/")).toHaveLength(2);
    await expect(hubFiles("hf://owner/name/dat")).rejects.toThrow(
      /^hf:\/\/owner\/name\/dat: expected at least one image \(.*\), found none among 5 files\.$/,
    );
  });

  it("gives the token to the hub that was named", async () => {
    process.env.HF_TOKEN = "hf_secret";
    await hubFiles("hf://owner/name/one.png");
    expect(new Set(hub.authorizations)).toEqual(new Set(["Bearer hf_secret"]));
  });

  it("says in one line what the hub answered, and what is no data set", async () => {
    await expect(hubFiles("hf://owner/other")).rejects.toThrow(
      `hf://owner/other: expected a data set on ${hub.url}, got 404. Check its name and revision; a private or gated one needs a token (HF_TOKEN).`,
    );
    await expect(hubFiles("hf://name")).rejects.toThrow(
      "hf://name: expected a data set as hf://OWNER/NAME, hf://OWNER/NAME@REVISION or hf://OWNER/NAME/FOLDER.",
    );
    await hub.close();
    await expect(hubFiles("hf://owner/name")).rejects.toThrow(
      /^hf:\/\/owner\/name: expected a data set on http\S+, got [^\n]*ECONNREFUSED[^\n]* What has been downloaded is kept: try again\.$/,
    );
  });

  it("takes no file that leads out of its folder", async () => {
    await hub.close();
    hub = await startHub({ "../../evil.png": someBytes(1, 5), "a.png": someBytes(2, 5) });
    process.env.HF_ENDPOINT = hub.url;
    await expect(hubFiles("hf://owner/name")).rejects.toThrow(
      /expected names of files, got "..\/..\/evil.png"/,
    );
    expect(await readdir(cache)).toEqual([]);
  });
});

describe("a data set on a hub", () => {
  it("is a source beside files, known by its commit", async () => {
    const own = join(await temporaryFolder(), "own.png");
    await writeFile(own, someBytes(7, 8));
    const { images, pinned } = await findDatasetImages({ images: ["hf://owner/name/data", own] });
    expect(pinned).toEqual([`hf://owner/name@${COMMIT}/data`, own]);
    expect(images.length).toBe(4);
    expect(images.name(0)).toBe(own);
    expect(images.name(1)).toBe(join(folder(), "data/train-0.tar/0"));
    const names: string[] = [];
    for await (const { name } of await openSource("hf://owner/name/data")) names.push(name);
    expect(names).toEqual(["train-0.tar/0", "train-0.tar/1", "train-1.tar/9"]);
  });

  it("is asked for only where one is named", async () => {
    const sources = ["photos", "C:/photos", "s3://bucket"];
    expect(await pinned(sources)).toEqual(sources);
    expect(await pinned(null)).toBeNull();
    expect(hub.requests).toEqual([]);
  });
});

it("is where Hugging Face's own tools look for it", () => {
  expect(hubAccess({})).toEqual({ hubUrl: "https://huggingface.co" });
  expect(hubAccess({ HF_ENDPOINT: "https://mirror/", HF_TOKEN: "t" })).toEqual({
    hubUrl: "https://mirror",
    accessToken: "t",
  });
  expect(hubCache({ XDG_CACHE_HOME: "/cache" })).toBe("/cache/vqkit/hub");
});
