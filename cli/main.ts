#!/usr/bin/env node
import { EXIT } from "./errors.js";
import { listenToSignals } from "./interruption.js";
import { run } from "./program.js";

const interruption = listenToSignals();
const { stdin, stdout, stderr } = process;
const code = await run(process.argv.slice(2), { stdin, stdout, stderr, signal: interruption.signal });
process.exitCode = code === EXIT.interrupted ? (interruption.exitCode() ?? code) : code;
