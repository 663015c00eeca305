// Ends with 0 where vqkit runs on tfjs-node, with 1 elsewhere.
import { engineStatuses } from "../../dist/src/backend/index.js";

const statuses = await engineStatuses();
process.exitCode = statuses.some(({ name, usable }) => name === "tensorflow" && usable) ? 0 : 1;
