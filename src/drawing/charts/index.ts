export {
  CHART_HEIGHT,
  type Chart,
  type ChartTable,
  chartColumns,
  chartFigure,
  rightMargin,
} from "./chart.js";
export { NOTHING, ramp, rampStep } from "./colour-ramp.js";
export { draw } from "./draw.js";
export { type HeatMap, heatMap } from "./heat-map.js";
export { countTicks, lineChart, logTicks, type Point, type Series, smoothed } from "./line-chart.js";
export { csv, fileName, writePlots } from "./plot-files.js";
