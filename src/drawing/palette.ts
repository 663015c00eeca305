/** Colours of pages and charts by name: the light theme, which is also that of exported drawings, and the dark one. */
export const LIGHT = {
  page: "#ffffff",
  panel: "#f6f8fa",
  text: "#1f2328",
  soft: "#59636e",
  line: "#d1d9e0",
  // Hues that readers who see fewer colours can tell apart.
  series1: "#0b62c4",
  series2: "#c2570c",
  series3: "#1a7f5a",
  series4: "#8250df",
  series5: "#c2255c",
  series6: "#0c8599",
  series7: "#7a6a00",
  series8: "#59636e",
} as const;

export const DARK: Readonly<Record<keyof typeof LIGHT, string>> = {
  page: "#0d1117",
  panel: "#161b22",
  text: "#e6edf3",
  soft: "#9198a1",
  line: "#3d444d",
  series1: "#58a6ff",
  series2: "#f0883e",
  series3: "#3fb97f",
  series4: "#bc8cff",
  series5: "#f06595",
  series6: "#3bc9db",
  series7: "#d4c13a",
  series8: "#9198a1",
};

/** So many series can be told apart by colour. */
export const SERIES_COLOURS = 8;

/** The colour of the i-th series, for SVG and CSS: a name that the page binds to its theme. */
export function seriesColour(index: number): string {
  return `var(--series${(index % SERIES_COLOURS) + 1})`;
}

/** Declarations of a theme's colours for a style sheet. */
export function declarations(theme: Readonly<Record<string, string>>): string {
  return Object.entries(theme)
    .map(([name, colour]) => `--${name}: ${colour};`)
    .join(" ");
}

/** Replaces names of colours by those of the light theme, for drawings that stand alone. */
export function withLightColours(svg: string): string {
  return svg.replace(/var\(--(\w+)\)/g, (text, name: string) =>
    name in LIGHT ? LIGHT[name as keyof typeof LIGHT] : text,
  );
}
