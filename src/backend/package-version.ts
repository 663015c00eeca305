import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** The version of an installed package. @throws when it is not installed */
export function packageVersion(name: string): string {
  return (require(`${name}/package.json`) as { version: string }).version;
}
