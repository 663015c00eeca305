import { appendFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { encodeIndexedPng } from "../../src/drawing/png.js";
import type { CodeRecord } from "../../src/metrics/index.js";
import { RunFolder } from "../../src/runs/index.js";
import { serveRuns } from "../../src/ui/index.js";
import { temporaryFolder, writeMetrics, writeRun, writeUsage } from "../reports/runs.js";
import { eventually, idOf, served } from "./serve.js";

/** Text that would run if it reached a page as it is. */
const HOSTILE = `<img src=x onerror=alert(1)> "&' </script>`;

const step = (n: number) => ({ step: n, reconstructionLoss: 1 / n, usageWindow: n / 100, samplesWindow: 64 });

/** A run under way: no final figures, and a lock of a process that lives. */
async function writeLiveRun(dir: string, steps: number): Promise<RunFolder> {
  const run = await writeRun(dir);
  await rm(run.path("summary"));
  await writeMetrics(
    run,
    Array.from({ length: steps }, (_, i) => step(i + 1)),
  );
  await writeFile(join(dir, ".vqkit.lock"), '{"pid":7,"host":"elsewhere","started":null}\n');
  return run;
}

/** An interval that chose the first code once, the second twice and so on. */
function codeRecord(step: number, indices: readonly number[]): CodeRecord {
  const counts = Float64Array.from(indices, (_, i) => i + 1);
  const samples = counts.reduce((sum, count) => sum + count, 0);
  return { step, samples, codebooks: [{ indices: Uint32Array.from(indices), counts }], drift: null };
}

describe("who is answered", () => {
  it("is whoever asks this machine by its own name", async () => {
    const { ask, port } = await served(await temporaryFolder());
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]) {
      expect((await ask("/", { host })).status).toBe(200);
    }
  });

  it("is no name that was rebound to this machine, and it learns nothing", async () => {
    const dir = await temporaryFolder();
    await writeRun(join(dir, "secret-run"));
    const { ask, port } = await served(dir);
    for (const path of ["/", "/live", "/live.js"]) {
      const reply = await ask(path, { host: `evil.example:${port}` });
      expect(reply.status).toBe(421);
      expect(reply.body).not.toContain("secret-run");
    }
    expect((await ask("/", {}, { withoutHost: true })).status).toBe(400); // node's own answer: HTTP/1.1 asks for it
  });

  it("is no script of another origin, and no origin is allowed to read", async () => {
    const { ask, port } = await served(await temporaryFolder());
    expect((await ask("/live", { origin: "http://evil.example" })).status).toBe(403);
    const own = await ask("/live", { origin: `http://127.0.0.1:${port}` });
    expect(own.status).toBe(200);
    expect(own.headers["access-control-allow-origin"]).toBeUndefined();
  });

  it("is nobody who wants to change something", async () => {
    const { ask } = await served(await temporaryFolder());
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const reply = await ask("/", {}, { method });
      expect([reply.status, reply.headers.allow]).toEqual([405, "GET, HEAD"]);
    }
    const [head, get] = [await ask("/", {}, { method: "HEAD" }), await ask("/")];
    expect(head).toMatchObject({ status: 200, body: "" });
    expect(head.headers["content-length"]).toBe(get.headers["content-length"]);
  });

  const outer = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal);
  it.skipIf(outer === undefined)("is nobody on another address of this machine", async () => {
    const { port } = await served(await temporaryFolder());
    const code = await new Promise((resolve) => {
      const socket = connect({ host: outer?.address ?? "", port, timeout: 2000 }, () => resolve("connected"));
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
      socket.on("timeout", () => resolve("timeout"));
    });
    expect(code).toBe("ECONNREFUSED");
  });
});

describe("what is answered", () => {
  it("comes with a strict policy and may be put into nobody's frame", async () => {
    const dir = await temporaryFolder();
    await writeRun(join(dir, "a"));
    const { ask } = await served(dir);
    const id = idOf((await ask("/")).body, "a");
    for (const path of [
      "/",
      "/live",
      `/runs/${id}`,
      `/runs/${id}/report`,
      "/compare",
      "/style.css",
      "/nothing",
    ]) {
      const { headers } = await ask(path);
      expect(headers).toMatchObject({
        "content-security-policy": expect.stringMatching(/^default-src 'none'/),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
      });
      expect(headers["content-security-policy"]).not.toMatch(/script-src[^;]*(unsafe|\*|http)/);
    }
  });

  it("is for a report the policy that it brings, and nothing more", async () => {
    const dir = await temporaryFolder();
    const run = await writeRun(join(dir, "a"));
    await writeUsage(run);
    const { ask } = await served(dir);
    const { headers, body } = await ask(`/runs/${idOf((await ask("/")).body, "a")}/report`);
    const [, own] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(body) ?? [];
    expect(own).toContain("script-src 'sha256-");
    expect(headers["content-security-policy"]).toBe(
      `${own?.replace(/;$/, "")}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'`,
    );
  });

  it("is no file but the run's own: paths lead nowhere", async () => {
    const dir = await temporaryFolder();
    await writeRun(join(dir, "runs", "a"));
    await writeFile(join(dir, "secret.txt"), "do not show this");
    const { ask } = await served(join(dir, "runs"));
    const id = idOf((await ask("/")).body, "a");
    for (const path of [
      "/../secret.txt",
      "/runs/../secret.txt",
      "/runs/%2e%2e/secret.txt",
      `/runs/${id}/../../../secret.txt`,
      `/runs/${id}/..%2f..%2fsecret.txt`,
      `/runs/${id}/%2e%2e/%2e%2e/secret.txt`,
      `/runs/${id}/config.json`,
      `/runs/${id}/model.safetensors`,
      `/runs/${id.slice(0, 15)}g`,
      "/runs/a",
      `/runs/${join(dir, "secret.txt")}`,
      "//evil.example/",
      "/style.css/../secret.txt",
      "/%00",
      "/%",
      "*",
    ]) {
      const { status, body } = await ask(path);
      expect([path, status]).toEqual([path, 404]);
      expect(body).not.toContain("do not show this");
    }
  });

  it("is never what a symbolic link in a run leads to", async () => {
    const dir = await temporaryFolder();
    const run = await writeRun(join(dir, "runs", "a"), { originals: [1, 2] });
    await writeFile(join(dir, "secret.txt"), "do not show this");
    const { ask } = await served(join(dir, "runs"));
    const id = idOf((await ask("/")).body, "a");
    expect((await ask(`/runs/${id}/reconstructions.png`)).headers["content-type"]).toBe("image/png");
    for (const file of ["reconstructions", "metrics", "summary", "usage"] as const) {
      await rm(run.path(file), { force: true });
      await symlink(join(dir, "secret.txt"), run.path(file));
      for (const path of ["", "/live", "/report", "/reconstructions.png"]) {
        const reply = await ask(`/runs/${id}${path}`);
        expect([path, reply.status]).toEqual([path, 404]);
        expect(reply.body).not.toContain("do not show this");
        expect(reply.body).toContain("symbolic link");
      }
      await rm(run.path(file));
    }
  });

  it("escapes names and configurations on every page", async () => {
    const dir = await temporaryFolder();
    const name = HOSTILE.replaceAll("/", ":");
    const config = { note: HOSTILE, quantizer: { kind: HOSTILE, codebookSize: 8 } };
    const run = await writeRun(join(dir, name), { kind: HOSTILE, config });
    await writeUsage(run);
    await writeMetrics(run, [step(1), step(2)]);
    await mkdir(join(dir, `${name}2`));
    await writeFile(join(dir, `${name}2`, "config.json"), HOSTILE);
    await writeFile(join(dir, `${name}2`, "metrics.jsonl"), HOSTILE);
    const { ask } = await served(dir);
    const list = (await ask("/")).body;
    const [, id] = /\/runs\/([0-9a-f]{16})"/.exec(list) ?? [];
    const pages = [
      list,
      (await ask(`/runs/${id}`)).body,
      (await ask(`/runs/${id}/report`)).body,
      (await ask(`/compare?run=${id}`)).body,
      (await ask(`/compare?run=${encodeURIComponent(HOSTILE)}`)).body,
      (await ask(`/${encodeURIComponent(HOSTILE)}`)).body,
    ];
    for (const page of pages) {
      expect(page).not.toContain("<img src=x");
      expect(parseHTML(page).document.querySelectorAll("[onerror]")).toHaveLength(0);
    }
    expect(pages.filter((page) => page.includes("&lt;img src=x onerror=alert(1)&gt;"))).toHaveLength(4);
    expect(list).toContain("Not readable");
  });
});

describe("a run that is watched", () => {
  it("grows: the page's parts change with it, and only then", async () => {
    const dir = await temporaryFolder();
    const run = await writeLiveRun(join(dir, "run"), 3);
    const { ask } = await served(dir);
    const list = await ask("/live");
    expect(list.body).toContain("Step 3 of 8");
    const id = idOf(list.body, "run");
    const first = await ask(`/runs/${id}/live`);
    expect(first.body).toContain('<span class="status training">Training</span>');
    expect(first.body).toContain("Step 3 of 8");
    expect(first.body).toContain("0.333");
    const known = { "if-none-match": String(first.headers.etag) };
    expect(await ask(`/runs/${id}/live`, known)).toMatchObject({ status: 304, body: "" });

    await appendFile(run.path("metrics"), `${JSON.stringify(step(5))}\n`);
    const second = await ask(`/runs/${id}/live`, known);
    expect(second.status).toBe(200);
    expect(second.headers.etag).not.toBe(first.headers.etag);
    expect(second.body).toContain("Step 5 of 8");
    expect(second.body).toContain("0.200");
    expect((await ask("/live", { "if-none-match": String(list.headers.etag) })).body).toContain(
      "Step 5 of 8",
    );

    await rm(join(run.dir, ".vqkit.lock"));
    const stopped = await ask(`/runs/${id}/live`, { "if-none-match": String(second.headers.etag) });
    expect(stopped.body).toContain('<span class="status stopped">Stopped</span>');
  });

  it("has reconstructions and records of its codes: the newest are shown, earlier ones too, as they come", async () => {
    const dir = await temporaryFolder();
    const run = await writeLiveRun(join(dir, "run"), 5);
    const png = (shade: number) =>
      encodeIndexedPng({
        width: 2,
        height: 1,
        pixels: Uint8Array.of(0, 1),
        colours: [
          [shade, 0, 0, 255],
          [0, shade, 9, 255],
        ],
      });
    const strips = run.strips();
    await strips.writeOriginals(png(1));
    await strips.write(3, png(3));
    const log = await run.openTimeline({ codebookSize: 6, numCodebooks: 1, from: 0 });
    await log.append(codeRecord(2, [0, 5]));
    const { ask } = await served(dir);
    const id = idOf((await ask("/live")).body, "run");
    const pictures = `/runs/${id}/reconstructions`;
    const first = (await ask(`/runs/${id}/live`)).body;
    expect(first).toContain(`src="${pictures}/originals.png"`);
    expect(first).toContain(`src="${pictures}/step-00000003.png"`);
    expect(first).toContain("Map of the codebook, steps 1 to 2");
    expect(first).not.toContain("earlier step");

    await strips.write(5, png(5));
    await log.append(codeRecord(4, [1, 2, 5]));
    await log.close();
    const { body } = await ask(`/runs/${id}/live`);
    const [shown = "", earlier = ""] = body.split("At 1 earlier step");
    expect(shown).toContain("step-00000005.png");
    expect(shown).not.toContain("step-00000003.png");
    expect(earlier).toContain("step-00000003.png");
    expect(body).toContain("Map of the codebook, steps 3 to 4");
    expect(body).toContain("2 records of which codes were chosen");

    const picture = await ask(`${pictures}/step-00000005.png`);
    expect(picture).toMatchObject({ status: 200, headers: { "content-type": "image/png" } });
    expect(picture.headers["content-length"]).toBe(String(png(5).length));
    const known = { "if-none-match": String(picture.headers.etag) };
    expect((await ask(`${pictures}/step-00000005.png`, known)).status).toBe(304);
    expect((await ask(`${pictures}/step-00000004.png`)).status).toBe(404);
    expect((await ask(`${pictures}/..%2fconfig.json`)).status).toBe(404);
    await writeFile(join(dir, "secret.txt"), "do not show this");
    await symlink(join(dir, "secret.txt"), join(strips.dir, "step-00000007.png"));
    const link = await ask(`${pictures}/step-00000007.png`);
    expect(link.status).toBe(404);
    expect(link.body).not.toContain("do not show this");
  });

  it("has a damaged timeline of codes: the rest is shown, and what is wrong", async () => {
    const dir = await temporaryFolder();
    const run = await writeLiveRun(join(dir, "run"), 5);
    await writeFile(run.path("timeline"), "no timeline at all, but long enough to be one");
    const { ask } = await served(dir);
    const { status, body } = await ask(`/runs/${idOf((await ask("/live")).body, "run")}/live`);
    expect(status).toBe(200);
    expect(body).toContain("Not all of this run can be read.");
    expect(body).toContain("timeline.vqt");
    expect(body).toContain("Step 5 of 8");
  });

  it("has an unchanged page confirmed without the headers that would replace those of the page", async () => {
    const { ask } = await served(await temporaryFolder());
    const { headers } = await ask("/");
    const again = await ask("/", { "if-none-match": String(headers.etag) });
    expect(again.status).toBe(304);
    expect(again.headers["content-security-policy"]).toBeUndefined();
  });

  it("has a damaged line of metrics: what stands before it is shown, and which line it is", async () => {
    const dir = await temporaryFolder();
    const run = await writeLiveRun(join(dir, "run"), 2);
    await appendFile(run.path("metrics"), `{"step":3,${HOSTILE}\n${JSON.stringify(step(4))}\n`);
    const { ask } = await served(dir);
    const list = (await ask("/live")).body;
    const { status, body } = await ask(`/runs/${idOf(list, "run")}/live`);
    expect(status).toBe(200);
    for (const page of [list, body]) {
      expect(page).toContain("Step 2 of 8");
      expect(page).toContain("metrics.jsonl line 3: expected JSON");
      expect(page).not.toContain("<img src=x");
    }
  });

  it("vanishes: its page says so, and the list goes on without it", async () => {
    const dir = await temporaryFolder();
    await writeLiveRun(join(dir, "gone"), 2);
    await writeLiveRun(join(dir, "stays"), 2);
    const { ask } = await served(dir);
    const id = idOf((await ask("/live")).body, "gone");
    await ask(`/runs/${id}/live`);
    await rm(join(dir, "gone"), { recursive: true });
    expect(await ask(`/runs/${id}/live`)).toMatchObject({
      status: 404,
      body: expect.stringMatching(/the folder is gone|There is no such run/),
    });
    const list = await eventually(
      () => ask("/live"),
      ({ body }) => !body.includes("gone"),
    );
    expect(list.body).toContain("stays");
    expect(list.body).not.toContain("gone");
  });

  it("appears when its training begins", async () => {
    const dir = await temporaryFolder();
    const { ask } = await served(dir);
    expect((await ask("/live")).body).toContain("There is no run here yet");
    await writeLiveRun(join(dir, "new"), 1);
    const list = await eventually(
      () => ask("/live"),
      ({ body }) => body.includes("new"),
    );
    expect(list.body).toContain("Step 1 of 8");
  });

  it("is read by nobody else: serving leaves no trace in the folder", async () => {
    const dir = await temporaryFolder();
    const run = await writeLiveRun(join(dir, "run"), 2);
    const before = await readFile(run.path("metrics"), "utf8");
    const { ask } = await served(dir);
    const id = idOf((await ask("/")).body, "run");
    for (const path of ["", "/live", "/report"]) expect((await ask(`/runs/${id}${path}`)).status).toBe(200);
    expect(await readFile(run.path("metrics"), "utf8")).toBe(before);
    expect(await RunFolder.lock(run.dir).catch(({ message }) => message)).toContain("process 7 on elsewhere");
  });
});

describe("finished runs", () => {
  it("are listed with their figures and compared", async () => {
    const dir = await temporaryFolder();
    await writeRun(join(dir, "a"), { kind: "vq", psnr: 21.5 });
    await writeRun(join(dir, "b"), { kind: "fsq", psnr: 23.25, codebookSize: 1000 });
    const { ask } = await served(dir);
    const list = (await ask("/")).body;
    for (const text of ["21.50", "23.25", "1,000", "fsq"]) expect(list).toContain(text);
    const ids = ["a", "b"].map((name) => `run=${idOf(list, name)}`);
    const { status, body } = await ask(`/compare?${ids.join("&")}`);
    expect(status).toBe(200);
    for (const text of ["21.50", "23.25", "fsq"]) expect(body).toContain(text);
    // The first row is the baseline unless another is named: fsq's PSNR is 1.75 dB above that of vq.
    expect(body).toContain("+1.75");
    const other = await ask(`/compare?${ids.join("&")}&baseline=fsq`);
    expect(other.body).toMatch(/[-−]1\.75/);
    const wrong = await ask(`/compare?${ids.join("&")}&baseline=${encodeURIComponent(HOSTILE)}`);
    expect(wrong.status).toBe(422);
    expect(wrong.body).toContain("expected the name of a row, got &quot;&lt;img");
  });

  it("that were measured in different ways are refused as by compare, with the reason", async () => {
    const dir = await temporaryFolder();
    await writeRun(join(dir, "a"), { kind: "vq" });
    await writeRun(join(dir, "b"), { kind: "fsq", circumstances: { imageHeight: 8 } });
    const { ask } = await served(dir);
    const list = (await ask("/")).body;
    const ids = ["a", "b"].map((name) => `run=${idOf(list, name)}`);
    const { status, body } = await ask(`/compare?${ids.join("&")}`);
    expect(status).toBe(422);
    expect(body).toMatch(/expected &quot;imageHeight&quot; measured as in .*a \(4\), got 8/);
  });

  it("are not compared with one that is not finished, or is not there", async () => {
    const dir = await temporaryFolder();
    await writeRun(join(dir, "a"));
    await writeLiveRun(join(dir, "b"), 2);
    const { ask } = await served(dir);
    const list = (await ask("/")).body;
    const refused = await ask(`/compare?run=${idOf(list, "a")}&run=${idOf(list, "b")}`);
    expect(refused.status).toBe(422);
    expect(refused.body).toContain("First finish its training.");
    expect((await ask(`/compare?run=${idOf(list, "a")}&run=0123456789abcdef`)).status).toBe(404);
    expect((await ask("/compare")).status).toBe(422);
  });
});

describe("the server", () => {
  it("says that a port is taken, and what to do", async () => {
    const { port } = await served(await temporaryFolder());
    await expect(serveRuns({ folders: [await temporaryFolder()], port })).rejects.toMatchObject({
      code: "config",
      message: `port: expected a free port, got ${port}: another program has it. Choose another, or 0 for any free one (option port).`,
    });
  });

  it.each([-1, 65_536, 1.5])("refuses port %d", async (port) => {
    await expect(serveRuns({ folders: [await temporaryFolder()], port })).rejects.toMatchObject({
      code: "config",
      message: `port: expected an integer in 0..65535, got ${port}.`,
    });
  });

  it("is gone when it is closed, open connections too", async () => {
    const server = await serveRuns({ folders: [await temporaryFolder()], port: 0 });
    const held = connect(Number(new URL(server.url).port), "127.0.0.1");
    await new Promise((done) => held.once("connect", done));
    const ended = new Promise((done) => held.once("close", done));
    held.on("error", () => {}); // however it ends
    await server.close();
    await ended;
    await expect(fetch(server.url)).rejects.toThrow();
  });
});
