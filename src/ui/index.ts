/** The local page of runs by itself, as `vqkit/ui`: it loads neither an engine nor TensorFlow.js. */

export { DEFAULT_PORT, type RunsServer, type ServeRunsOptions, serveRuns } from "./server.js";
