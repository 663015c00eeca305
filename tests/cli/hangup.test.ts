import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { ignoresHangup, type Start } from "../../cli/hangup.js";
import { main, startProgram, temporaryFolder, writeImages } from "./harness.js";

describe("whether a hangup is to be passed over", () => {
  const STATUS = (mask: string) => `Name:\tnode\nSigBlk:\t0000000000000000\nSigIgn:\t${mask}\nSigCgt:\t0\n`;
  const NODE = STATUS("0000000001001000"); // SIGPIPE and SIGXFSZ, which Node itself ignores

  /** On Linux, from a shell, with `files` and `links` of the system. */
  function start(
    { files = {}, links = {} }: { files?: Record<string, string>; links?: Record<string, string> } = {},
    rest: Partial<Start> = {},
  ): Start {
    const texts: Record<string, string> = { "/proc/self/status": NODE, "/proc/7/status": NODE, ...files };
    return {
      platform: "linux",
      ppid: 7,
      startedAs: "/usr/bin/node",
      hasTerminal: false,
      read: (file) => texts[file],
      link: (file) => links[file],
      ...rest,
    };
  }

  const nothing = { read: () => undefined, link: () => undefined };

  test.each<[string, Start, boolean]>([
    ["a program in a terminal", start({}, { hasTerminal: true }), false],
    ["one whose output goes to files", start(), false],
    [
      "one with nothing to read",
      start({
        links: { "/proc/self/fd/0": "/dev/null" },
        files: { "/proc/self/fdinfo/0": "pos:\t0\nflags:\t0100000\n" },
      }),
      false,
    ],
    ["what bash started as nohup", start({}, { startedAs: "/usr/bin/nohup" }), true],
    ["what a script called mynohup started", start({}, { startedAs: "/home/me/mynohup" }), false],
    [
      "a runtime that keeps signals ignored",
      start({ files: { "/proc/self/status": STATUS("0000000001001001") } }),
      true,
    ],
    [
      "the child of a shell with trap '' HUP",
      start({ files: { "/proc/7/status": STATUS("0000000000000001") } }),
      true,
    ],
    [
      "a parent that ignores other signals",
      start({ files: { "/proc/7/status": STATUS("0000000000384006") } }),
      false,
    ],
    [
      "an input that nohup put there",
      start({
        links: { "/proc/self/fd/0": "/dev/null" },
        files: { "/proc/self/fdinfo/0": "pos:\t0\nflags:\t02100001\n" },
      }),
      true,
    ],
    [
      "an input that can be written and is no terminal's",
      start({
        links: { "/proc/self/fd/0": "/tmp/a" },
        files: { "/proc/self/fdinfo/0": "pos:\t0\nflags:\t02100001\n" },
      }),
      false,
    ],
    ["an output that nohup put there", start({ links: { "/proc/self/fd/1": "/home/me/nohup.out" } }), true],
    [
      "a system without /proc, in a terminal",
      start({}, { ...nothing, platform: "darwin", hasTerminal: true }),
      false,
    ],
    ["a system without /proc, without a terminal", start({}, { ...nothing, platform: "darwin" }), true],
    ["Windows", start({}, { ...nothing, platform: "win32" }), false],
  ])("%s", (_, from, expected) => {
    expect(ignoresHangup(from)).toBe(expected);
  });
});

const SMALL = [
  ...["--preset", "tiny", "--downsampling-factor", "2", "--crop-size", "16", "--batch-size", "2"],
  ...["--set", "model.baseWidth=4", "--set", "model.latentChannels=4", "--set", "evaluateUntrained=false"],
  ...["--quantizer", "fsq", "--levels", "5,4", "--threads", "1", "--quiet"],
];
const canHangUp = process.platform !== "win32" && spawnSync("bash", ["-c", "type nohup"]).status === 0;

describe.skipIf(!canHangUp)("a training whose terminal closes", () => {
  let args: string[];
  let out: string;

  beforeEach(async () => {
    const dir = await temporaryFolder();
    const photos = path.join(dir, "photos");
    out = path.join(dir, "run");
    await mkdir(photos);
    await writeImages(photos, 4);
    args = ["train", photos, ...SMALL, "--steps", "1000000", "--out", out];
  });

  const steps = async (): Promise<number> =>
    (await readFile(path.join(out, "metrics.jsonl"), "utf8").catch(() => "")).split("\n").length - 1;

  async function reaches(step: number, child: ChildProcess): Promise<void> {
    while ((await steps()) < step && child.exitCode === null) await new Promise((go) => setTimeout(go, 20));
  }

  test.each<[string, readonly NodeJS.Signals[]]>([
    ["one hangup", ["SIGHUP"]],
    ["several, as the shell and the system send them", ["SIGHUP", "SIGHUP", "SIGHUP"]],
    ["a hangup and the end of the session", ["SIGHUP", "SIGTERM", "SIGHUP"]],
  ])("ends in order, with a checkpoint: %s", async (_, signals) => {
    const { child, ended } = startProgram(args);
    await reaches(1, child);
    for (const signal of signals) {
      child.kill(signal);
      await new Promise((go) => setTimeout(go, 5));
    }
    expect(await ended).toMatchObject({
      // Of two that wait together the system tells which comes first.
      code: signals.includes("SIGTERM") ? expect.toBeOneOf([129, 143]) : 129,
      stderr: expect.stringMatching(/^Interrupted after step \d+ of 1000000\. To go on: [^\n]+\n$/),
    });
    expect(await readdir(path.join(out, "checkpoints"))).toHaveLength(1);
    expect(await readdir(out)).not.toContain(".vqkit.lock");
  });

  test.each([
    ["nohup", 'nohup "$@" > "$0" 2>&1 & echo $!; wait $!'],
    ["a shell that passes hangups over", 'trap "" HUP; "$@" > "$0" 2>&1 & echo $!; wait $!'],
    ["a script under nohup", 'exec nohup bash -c \'"$@" > "$0" 2>&1 & echo $!; wait $!\' "$0" "$@"'],
  ])("goes on under %s, and still ends in order when it is told to", async (_, script) => {
    const shell = spawn("bash", ["-c", script, `${out}.log`, process.execPath, main, ...args], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const code = new Promise((ended) => shell.once("close", ended));
    const pid = Number(await new Promise((told) => shell.stdout.once("data", (text) => told(String(text)))));
    await reaches(1, shell);
    process.kill(pid, "SIGHUP");
    await reaches((await steps()) + 3, shell);
    process.kill(pid, "SIGHUP");
    await reaches((await steps()) + 3, shell);
    process.kill(pid, "SIGTERM");
    expect(await code).toBe(143); // as the shell was told
    expect(await readFile(`${out}.log`, "utf8")).toMatch(/Interrupted after step \d+ of 1000000\./);
    expect(await readdir(path.join(out, "checkpoints"))).toHaveLength(1);
  });
});
