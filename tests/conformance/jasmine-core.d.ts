/** As much of jasmine-core as the runner uses. */
declare module "jasmine-core" {
  export interface SpecResult {
    readonly fullName: string;
    readonly status: "passed" | "failed" | "pending" | "excluded";
    readonly failedExpectations: readonly { readonly message: string; readonly stack: string }[];
  }
  export interface Reporter {
    specStarted?(spec: SpecResult): void;
    specDone?(spec: SpecResult): void;
  }
  export interface Env {
    configure(options: {
      random?: boolean;
      forbidDuplicateNames?: boolean;
      specFilter?: (spec: { getFullName(): string }) => boolean;
    }): void;
    addReporter(reporter: Reporter): void;
    execute(): Promise<{ readonly overallStatus: string }>;
  }
  const core: { boot(): { getEnv(): Env; DEFAULT_TIMEOUT_INTERVAL: number } };
  export default core;
}
