/** Local pages by themselves, as `vqkit/ui`: of runs, and of a model. It loads neither an engine nor TensorFlow.js. */

export type { LocalServer } from "./local-server.js";
export {
  DEFAULT_MODEL_PORT,
  findWebRuntime,
  type ServeModelPageOptions,
  serveModelPage,
} from "./model-page.js";
export type { QueueView } from "./pages/queue-page.js";
export { DEFAULT_PORT, type RunsServer, type ServeRunsOptions, serveRuns } from "./server.js";
