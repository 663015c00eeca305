import { expect, it, vi } from "vitest";
import { QueueConnection } from "../../src/queue/connection.js";

it("says what to install where the packages are missing", async () => {
  vi.doMock("bullmq", () => {
    throw new Error("Cannot find package 'bullmq' imported from connection.js");
  });
  const opening = QueueConnection.open({ url: "redis://127.0.0.1:1" });
  await expect(opening).rejects.toMatchObject({ code: "queue" });
  await expect(opening).rejects.toThrow(/Install them: npm install bullmq ioredis\.$/);
});
