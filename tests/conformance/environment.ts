import { setTestEnvs } from "@tensorflow/tfjs-core/dist/jasmine_util.js";
import core from "jasmine-core";
import { backendName, registerOnnxBackend } from "../../src/backend/register.js";

// The specs look for Jasmine's functions and for the backends to run on while they are imported: this comes first.
export const jasmine = core.boot();
export const environmentName = backendName;

registerOnnxBackend({ threads: 1 });
setTestEnvs([{ name: environmentName, backendName, isDataSync: false }]);
