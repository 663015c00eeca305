/** Where an export goes; see `OutputFolder`. */
export interface OutputOptions {
  /** A folder, new or empty. */
  readonly out: string;
  /** Let new files replace those of the same name; others stay. Default false. */
  readonly overwrite?: boolean;
}
