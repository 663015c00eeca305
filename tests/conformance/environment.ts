import { setTestEnvs } from "@tensorflow/tfjs-core/dist/jasmine_util.js";
import core from "jasmine-core";
import { type DeviceName, sessionOptionsOf } from "../../src/backend/devices.js";
import { backendName, registerOnnxBackend } from "../../src/backend/register.js";

// The specs look for Jasmine's functions and for the backends to run on while they are imported: this comes first.
export const jasmine = core.boot();
export const environmentName = backendName;

const device = process.argv.includes("--device") ? process.argv[process.argv.indexOf("--device") + 1] : "cpu";
registerOnnxBackend({ threads: 1, sessionOptions: sessionOptionsOf(device as DeviceName) });
setTestEnvs([{ name: environmentName, backendName, isDataSync: false }]);
