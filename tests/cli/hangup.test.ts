import { describe, expect, test } from "vitest";
import { ignoresHangup, type Start } from "../../cli/hangup.js";
import { canHangUp, expectOrderlyEnd } from "./hangup.js";

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

describe.skipIf(!canHangUp)("a training whose terminal closes", () => {
  test("ends in order, with a checkpoint, after several hangups, as the shell and the system send them", () =>
    expectOrderlyEnd(["SIGHUP", "SIGHUP", "SIGHUP"]));
});
