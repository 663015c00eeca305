import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { expect } from "vitest";

/** The program: CHROMIUM_PATH, or Debian's package; undefined where there is none. */
export const executable = [process.env.CHROMIUM_PATH, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (file) => file !== undefined && existsSync(file),
);

/**
 * Opens a report's page from disk and checks that it is silent, alone and no wider than the screen.
 *
 * @returns the page, still open, and the data that it carries
 */
export async function openPage<Data>(
  browser: Browser,
  file: string,
  { width, colorScheme = "light" }: { readonly width: number; readonly colorScheme?: "light" | "dark" },
): Promise<{ opened: Page; data: Data }> {
  const opened = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const wrong: string[] = [];
  opened.on("console", (message) => wrong.push(message.text()));
  opened.on("pageerror", (error) => wrong.push(error.message));
  opened.on("dialog", (dialog) => wrong.push(dialog.message()));
  opened.on("request", (request) => {
    if (!/^(file|data):/.test(request.url())) wrong.push(request.url());
  });
  await opened.goto(`file://${file}`);
  expect(await opened.evaluate("document.documentElement.scrollWidth")).toBe(width);
  expect(wrong).toEqual([]);
  const [, json = "null"] = /id="vqkit-data">(.*?)<\/script>/s.exec(await readFile(file, "utf8")) ?? [];
  return { opened, data: JSON.parse(json) as Data };
}

/** A4 at 96 pixels an inch. */
const PAPER_WIDTH = 794;

/** Checks that nothing of a page is cut off on paper, also where its screen is dark; leaves it as it is printed. */
export async function expectFitsPaper(opened: Page): Promise<void> {
  await opened.emulateMedia({ media: "print" });
  await opened.setViewportSize({ width: PAPER_WIDTH, height: 1123 });
  expect(await opened.evaluate("document.documentElement.scrollWidth")).toBe(PAPER_WIDTH);
  expect(await opened.evaluate("getComputedStyle(document.body).backgroundColor")).toBe("rgb(255, 255, 255)");
}
