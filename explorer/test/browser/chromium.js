/** Starts the Chromium that scripts/explorer/chromium.py has found. */

import { chromium } from "playwright-core";

/** Without a sandbox where it is root who starts it, as in CI: the page is our own. */
export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "chromium",
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
