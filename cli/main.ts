#!/usr/bin/env node
import * as module from "node:module";

// From 22.1 on Node keeps what it has compiled for the next start.
(module as { enableCompileCache?: () => void }).enableCompileCache?.();
const { start } = await import("./start.js");
await start(process);
