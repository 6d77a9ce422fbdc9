import { defineConfig } from "@playwright/test";

const url = process.env["TODOSTACK_URL"];
if (!url) throw new Error("TODOSTACK_URL is not set: run web/check");

export default defineConfig({
  testDir: "tests/browser",
  outputDir: "test-results",
  // Waiting for the picture of a page is no use of two processors.
  workers: 2,
  fullyParallel: true,
  forbidOnly: true,
  timeout: 90_000,
  expect: { timeout: 12_000 },
  reporter: "line",
  use: {
    baseURL: url,
    // As people outside of the zone of the server and of its language write dates.
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    // Requests that a worker has seen cannot be intercepted; the tests of the worker allow it.
    serviceWorkers: "block",
    viewport: { width: 1280, height: 800 },
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env["CHROMIUM"] || "/usr/bin/chromium",
      // Its sandbox does not run as root, as which the other tests run.
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
});
