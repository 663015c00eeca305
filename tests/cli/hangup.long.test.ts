import { describe, test } from "vitest";
import { canHangUp, expectOrderlyEnd, expectToGoOnUnder } from "./hangup.js";

describe.skipIf(!canHangUp)("a training whose terminal closes", () => {
  test.each<[string, readonly NodeJS.Signals[]]>([
    ["one hangup", ["SIGHUP"]],
    ["a hangup and the end of the session", ["SIGHUP", "SIGTERM", "SIGHUP"]],
  ])("ends in order, with a checkpoint: %s", (_, signals) => expectOrderlyEnd(signals));

  test.each([
    ["nohup", 'nohup "$@" > "$0" 2>&1 & echo $!; wait $!'],
    ["a shell that passes hangups over", 'trap "" HUP; "$@" > "$0" 2>&1 & echo $!; wait $!'],
    ["a script under nohup", 'exec nohup bash -c \'"$@" > "$0" 2>&1 & echo $!; wait $!\' "$0" "$@"'],
  ])("goes on under %s, and still ends in order when it is told to", (_, script) =>
    expectToGoOnUnder(script),
  );
});
