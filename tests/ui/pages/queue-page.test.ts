import { expect, it } from "vitest";
import type { QueueView } from "../../../src/ui/index.js";
import { temporaryFolder } from "../../data/temporary.js";
import { served, servedWith } from "../serve.js";

const folder = await temporaryFolder();
const view: QueueView = {
  address: "redis://example.org:6379",
  isReady: true,
  tasks: [
    {
      ...{ id: "0123456789abcdef", kind: "encode", pieces: 1200, done: 317, failed: 2, underWay: 3 },
      ...{ isPaused: false, createdAt: Date.UTC(2026, 10, 28) },
    },
  ],
  workers: [
    {
      ...{ id: "a", host: "<b>host</b>", pid: 4711, task: "0123456789abcdef", piece: 41, items: 640 },
      ...{
        allItems: 50_123,
        allPieces: 50,
        refused: {},
        startedAt: Date.UTC(2026, 10, 28),
        at: Date.UTC(2026, 10, 28),
      },
    },
    {
      ...{ id: "b", host: "other", pid: 12, task: null, piece: null, items: 0, allItems: 0, allPieces: 0 },
      refused: { "0123456789abcdef 1": "expected the model ab12, got cd34." },
      ...{ startedAt: Date.UTC(2026, 10, 28), at: Date.UTC(2026, 10, 28) },
    },
  ],
};

it("shows tasks and workers, as they are now", async () => {
  let now = view;
  const { ask } = await servedWith({ folders: [folder], queue: async () => now });
  const page = await ask("/queue");
  expect(page.status).toBe(200);
  expect(page.body).toContain("1 task, 2 workers, 1 busy.");
  expect(page.body).toContain('<progress max="1200" value="317"');
  expect(page.body).toContain("piece 41 of 0123456789abcdef");
  expect(page.body).toContain("50,123");
  expect(page.body).toContain("expected the model ab12, got cd34.");
  // What a worker says of itself is text.
  expect(page.body).toContain("4711 on &lt;b&gt;host&lt;/b&gt;");
  const before = await ask("/queue/live");
  expect((await ask("/queue/live", { "if-none-match": String(before.headers.etag) })).status).toBe(304);
  now = { ...view, isReady: false, tasks: [], workers: [] };
  const after = await ask("/queue/live", { "if-none-match": String(before.headers.etag) });
  expect(after.status).toBe(200);
  expect(after.body).toContain("Redis does not answer.");
  expect(after.body).not.toContain("4711");
});

it("is not there without a queue", async () => {
  const { ask } = await served(folder);
  expect((await ask("/queue")).status).toBe(404);
});
