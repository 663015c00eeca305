import { describe, expect, it } from "vitest";
import type { Task } from "../../src/queue/task.js";
import { checkTries, triesOf, withDone } from "../../src/queue/tries.js";

const task = { tries: 3 } as Task;
const job = (attemptsStarted: number) => ({ attemptsStarted });

describe("tries of a piece", () => {
  it("are those that it was taken for, but for what was given back", () => {
    expect(triesOf(job(5), { piece: 0, returned: 2, done: 0 })).toBe(3);
    expect(() => checkTries(job(5), { piece: 0, returned: 2, done: 0 }, task)).not.toThrow();
    expect(() => checkTries(job(6), { piece: 0, returned: 2, done: 0 }, task)).toThrow(/3 times$/);
  });

  it("count anew where an earlier one came further, and not where it came as far", () => {
    const data = { piece: 0, returned: 1, done: 40 };
    expect(withDone(job(6), data, 40)).toBe(data);
    const further = withDone(job(6), data, 60);
    expect(further).toEqual({ piece: 0, returned: 5, done: 60 });
    // The one under way is the first of them.
    expect(triesOf(job(6), further)).toBe(1);
  });
});
