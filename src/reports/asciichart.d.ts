/** What vqkit uses of asciichart, which ships no types. */
declare module "asciichart" {
  interface PlotConfig {
    /** Rows between the lowest and the highest value. */
    readonly height?: number;
    readonly min?: number;
    readonly max?: number;
    /** The text left of a row, for its value. */
    readonly format?: (value: number) => string;
  }

  const asciichart: { plot(series: readonly number[], config?: PlotConfig): string };
  export default asciichart;
}
