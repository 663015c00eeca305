import { execFileSync } from "node:child_process";

/** VQKIT_PYTHON=python takes an interpreter with the packages that tools/make-tokenizer-fixtures.py names. */
export const python = process.env.VQKIT_PYTHON ?? "python3";

export function hasPython(modules: string): boolean {
  try {
    execFileSync(python, ["-c", `import ${modules}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
