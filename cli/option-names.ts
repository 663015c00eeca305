/** Flags of options whose names differ from them by more than their letters. */
const FLAGS: Readonly<Record<string, string>> = { quantizerModules: "--quantizer-module" };

/** `(option overwrite)`, `(options usage, images or codes)`, `(option engine: "onnxruntime")` in messages of the library. */
const NAMED = /\(options? ([a-zA-Z]+(?:: "[\w-]+")?(?:(?:, | or )[a-zA-Z]+)*)\)/g;

/**
 * A message of the library, which names options as code gives them, as the command line has them:
 * `(option overwrite)` becomes `(--overwrite)`.
 */
export function inFlags(message: string): string {
  return message.replace(NAMED, (_, names: string) => {
    const flags = names.replace(/[a-zA-Z]+(?=$|,| or |:)/g, flagOf);
    return `(${flags.replace(/: "([\w-]+)"/g, " $1")})`;
  });
}

function flagOf(name: string): string {
  return FLAGS[name] ?? `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
