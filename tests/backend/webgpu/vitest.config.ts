import { defineConfig } from "vitest/config";

/** Runs in a process of its own, with the Vulkan driver in its environment: tests/backend/device-webgpu.long.test.ts. */
export default defineConfig({
  root: new URL("../../..", import.meta.url).pathname,
  test: { include: ["tests/backend/webgpu/*.spec.ts"], testTimeout: 60_000, hookTimeout: 60_000 },
});
