// uPlot as it is published.
export { default } from "uplot";
