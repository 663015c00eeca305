export { CHART_HEIGHT, type Chart, type ChartTable, rightMargin } from "./chart.js";
export { chartColumns, chartFigure } from "./chart-figure.js";
export { NOTHING, ramp, rampStep } from "./colour-ramp.js";
export { draw } from "./draw.js";
export { type HeatMap, heatMap } from "./heat-map.js";
export { labelPlaces, pixelsOf } from "./label-places.js";
export {
  countTicks,
  lineChart,
  logTicks,
  type Point,
  type Series,
  showsMoreOn,
  smoothed,
} from "./line-chart.js";
export { csv, fileName, writePlots } from "./plot-files.js";
