/**
 * Before each file of tests: an engine computes with one thread unless told otherwise, as on a machine with one
 * processor. Threads that wait for the small operators of tests use more time than the operators.
 */
import { syncBuiltinESMExports } from "node:module";
import os from "node:os";

os.availableParallelism = () => 1;
syncBuiltinESMExports();
