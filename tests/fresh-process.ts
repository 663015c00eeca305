/** Before each file of tests that shares its process with others: the state that a process of its own would begin with. */

import { vi } from "vitest";
import * as tf from "../src/tf/index.js";

vi.restoreAllMocks();
await tf.setBackend("cpu");
