import { ConfigError } from "../../core/errors.js";
import { unknownName } from "../../core/suggest.js";
import { admProtocols } from "./adm.js";
import { cleanFidProtocols } from "./clean-fid.js";
import type { EvaluationProtocol } from "./protocol.js";
import { tamingProtocols } from "./taming.js";
import { titokProtocols } from "./titok.js";

const ours: readonly EvaluationProtocol[] = [
  ...admProtocols,
  ...tamingProtocols,
  ...titokProtocols,
  ...cleanFidProtocols,
];

const protocols = new Map(ours.map((protocol) => [protocol.name, protocol]));

/** The names of all protocols, sorted. */
export function protocolNames(): readonly string[] {
  return [...protocols.keys()].sort();
}

/** @throws ConfigError at `protocol` for a name that nobody registered */
export function evaluationProtocol(name: string): EvaluationProtocol {
  const protocol = protocols.get(name);
  if (protocol === undefined)
    throw new ConfigError("protocol", unknownName("protocol", name, protocolNames()));
  return protocol;
}

/**
 * Makes a protocol of one's own known by its name, such as a laboratory's on another data set.
 *
 * @throws ConfigError for a name that is no lower-case word, or that another protocol has; registering the same one again
 * does nothing
 */
export function registerProtocol(protocol: EvaluationProtocol): void {
  const { name } = protocol;
  if (!/^[a-z][a-z0-9-]*$/.test(name)) {
    throw new ConfigError(
      "",
      `Protocol ${JSON.stringify(name)}: expected small letters, digits and hyphens, the first a letter. Rename it.`,
    );
  }
  const present = protocols.get(name);
  if (present !== undefined && present !== protocol) {
    throw new ConfigError(
      "",
      `Protocol "${name}" is already registered with another definition. Rename one.`,
    );
  }
  protocols.set(name, protocol);
}
