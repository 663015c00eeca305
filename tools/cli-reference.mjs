#!/usr/bin/env node
// Writes docs/cli.md from the program's own declarations: node tools/cli-reference.mjs (after npm run build).
import { writeFileSync } from "node:fs";
import { commandReference } from "../dist/cli/reference.js";

const target = new URL("../docs/cli.md", import.meta.url);
writeFileSync(target, commandReference());
console.log(`Written: ${target.pathname}`);
