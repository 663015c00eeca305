import { test } from "vitest";
import { expectFilledBelow, expectOneOfTwo, outputCommands, sources } from "./output-commands.js";

const given = await sources();
const commands = outputCommands(given);
const named = (...names: readonly string[]) => commands.filter(({ name }) => names.includes(name));

test.each(named("decode"))(
  "of two that $name into one folder at once, one does and the other says why it does not",
  (command) => expectOneOfTwo(given, command),
);

test.skipIf(process.platform === "win32").each(named("decode", "prune"))(
  "a folder of one's own below one that is not is filled by $name",
  (command) => expectFilledBelow(given, command),
);
