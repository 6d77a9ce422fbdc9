/** No view has what axe finds wrong, in light, wide and narrow; dark is the same in other colours. */
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { add, expect, row, task, test } from "./people.ts";

const TASKS = [
  "Late 2026-01-02 p2",
  "Call Ann today at 23:30 p1 @family remind me 1 hour before",
  "Water every day p3",
];

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

async function check(page: Page, what: string): Promise<void> {
  const dark = await page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches);
  const axe = new AxeBuilder({ page }).options({ resultTypes: ["violations"] });
  const { violations } = await (dark ? axe.withRules(["color-contrast"]) : axe.withTags(TAGS)).analyze();
  const found = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${what}: ${id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`));
  expect(found).toEqual([]);
}

const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 800 };
const LISTS = ["inbox", "today", "upcoming", "completed", "tag/family", "filter?f=p1", "search?q=ann"];
const SETTINGS = ["account", "reminders", "access", "calendar", "history"].map((section) => `settings/${section}`);

for (const colorScheme of ["light", "dark"] as const) {
  test(`lists and settings, ${colorScheme}`, async ({ page, person }) => {
    test.setTimeout(240_000);
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.goto("/login");
    await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
    await check(page, "log in");
    await person.signUp(page);
    await check(page, "nothing today");
    await add(page, ...TASKS);
    await person.send("/v1/projects", { name: "Home", color: "#d1453b" });
    for (const view of [...LISTS, ...SETTINGS]) {
      await page.goto(`/${view}`);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      if (view.startsWith("search")) await expect(page.locator("mark")).toHaveText("Ann");
      else if (LISTS.includes(view) && view !== "completed") await expect(row(page, "Call Ann")).toBeVisible();
      await check(page, view);
    }
  });

  for (const [size, viewport] of [["wide", WIDE], ["narrow", NARROW]] as const) {
    test(`what opens above a list, ${colorScheme}, ${size}`, async ({ page, person }) => {
      test.setTimeout(240_000);
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.setViewportSize(viewport);
      await person.signUp(page);
      await add(page, ...TASKS);
      await row(page, "Water").getByRole("checkbox").click();
      await expect(page.getByText("Completed “Water”")).toBeVisible();
      await check(page, "a notice");
      await task(page, "Call Ann").click();
      await expect(page.getByRole("dialog", { name: "Task" })).toBeVisible();
      await check(page, "editor");
      await page.keyboard.press("Escape");
      for (const [key, name] of [["?", "Keys"], ["Control+k", "Command palette"], ["q", "Add task"]] as const) {
        await page.keyboard.press(key);
        await expect(page.getByRole("dialog", { name })).toBeVisible();
        if (key === "q") {
          await page.getByLabel("New task").fill("Pay tomorrow p1 @bank remind me 1 day before");
          await expect(page.locator(".chip.reminder")).toBeVisible();
        }
        await check(page, name);
        await page.keyboard.press("Escape");
        await expect(page.getByRole("dialog", { name })).toBeHidden();
      }
      if (size === "narrow") {
        await page.getByRole("button", { name: "Menu" }).click();
        await expect(page.getByRole("link", { name: /Inbox/ })).toBeVisible();
        await check(page, "menu");
      }
    });
  }
}
