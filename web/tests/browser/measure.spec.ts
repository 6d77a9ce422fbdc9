/** The figures of docs/measured.md: `web/check --measure`. */
import { loadavg } from "node:os";
import type { Page } from "@playwright/test";

import { expect, test } from "./people.ts";

const TASKS = 10_000;

interface Traced {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  dur?: number;
  tdur?: number;
  args?: { name?: string };
}

/** The tasks of the page's thread while something was done: those over 50 ms by the clock, and, as other programs run
 * beside this, by the time of a processor that they took; and the longest one. In milliseconds. */
async function tasks(page: Page, act: () => Promise<void>): Promise<string> {
  const browser = await page.context().newCDPSession(page);
  const events: Traced[] = [];
  browser.on("Tracing.dataCollected", ({ value }) => events.push(...(value as unknown as Traced[])));
  await browser.send("Tracing.start", {
    traceConfig: { includedCategories: ["toplevel", "disabled-by-default-devtools.timeline"] },
    transferMode: "ReportEvents",
  });
  await act();
  await page.waitForTimeout(300);
  const ended = new Promise((resolve) => browser.once("Tracing.tracingComplete", resolve));
  await browser.send("Tracing.end");
  await ended;
  const main = events.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain");
  const tasks = events.filter(({ name, ph, pid, tid }) => name === "RunTask" && ph === "X" && main.some((each) => each.pid === pid && each.tid === tid));
  expect(tasks.length).toBeGreaterThan(0);
  const say = (all: number[]): string =>
    `${all.filter((each) => each > 50_000).length} over 50 ms, the longest ${Math.round(Math.max(...all) / 1000)} ms`;
  return `clock: ${say(tasks.map((each) => each.dur ?? 0))}; processor: ${say(tasks.map((each) => each.tdur ?? 0))}`;
}

test("figures", async ({ page, person }) => {
  test.skip(!process.env["MEASURE"], "only asked for with --measure");
  test.setTimeout(300_000);
  await person.signUp(page);
  for (let first = 0; first < TASKS; first += 500) {
    const operations = Array.from({ length: 500 }, (_, n) => {
      const at = first + n;
      const day = `2027-0${1 + (at % 9)}-1${at % 7}`;
      const more = at % 3 === 0 ? { due: { date: day }, tags: [`tag${at % 20}`] } : at % 3 === 1 ? { due: { dateTime: `${day}T09:00:00`, timeZone: "UTC" } } : {};
      return { op: "create", task: { title: `Task ${at}`, ...more } };
    });
    await person.send("/v1/tasks/bulk", { operations });
  }
  const say = (what: string, value: unknown): void => console.log(`${what}: ${JSON.stringify(value)}`);
  const row = page.getByRole("button", { name: /^Task \d+/ });
  const start = Date.now();
  await page.goto("/inbox");
  await expect(row.first()).toBeVisible();
  say("first rows after, ms", Date.now() - start);
  await expect(page.locator('#main[aria-busy="false"]')).toBeVisible();
  say("all of them read after, ms", Date.now() - start);
  await page.waitForTimeout(1_000);
  await page.mouse.move(640, 500);
  const turn = async (delta: number, times: number): Promise<void> => {
    for (let n = 0; n < times; n += 1) {
      await page.mouse.wheel(0, delta);
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(done)));
    }
  };
  say("tall, px", await page.evaluate(() => document.documentElement.scrollHeight));
  say("the wheel, 240 px a frame, 300 frames", await tasks(page, () => turn(240, 300)));
  say("the wheel, 1,500 px a frame, to the end", await tasks(page, () => turn(1_500, 400)));
  say("at, px", await page.evaluate(() => scrollY));
  say("to the middle and the ends at once", await tasks(page, async () => {
    for (const part of [0.5, 0, 1, 0.25, 0]) {
      await page.evaluate((to) => scrollTo(0, document.documentElement.scrollHeight * to), part);
      await page.waitForTimeout(200);
    }
  }));
  say("the keyboard, 200 rows down", await tasks(page, async () => {
    for (let n = 0; n < 200; n += 1) await page.keyboard.press("j");
  }));
  say("a task is completed", await tasks(page, async () => {
    await page.keyboard.press("x");
    await expect(page.getByText(/^Completed “Task/)).toBeVisible();
  }));
  say("ten letters in the palette", await tasks(page, async () => {
    await page.keyboard.press("Control+k");
    await page.keyboard.type("task 77 no", { delay: 60 });
  }));
  say("elements of the page", await page.evaluate(() => document.getElementsByTagName("*").length));
  say("load of the machine", loadavg().map((each) => each.toFixed(1)));
});
