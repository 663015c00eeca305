/** Before each file of tests that shares its process with others: the state that a process of its own would begin with. */
import * as tf from "@tensorflow/tfjs";
import { vi } from "vitest";

vi.restoreAllMocks();
await tf.setBackend("cpu");
