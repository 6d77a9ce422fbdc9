/** No view has what axe finds wrong, in light and dark, wide and narrow. */
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { add, expect, row, test } from "./people.ts";

async function check(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
  const found = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${what}: ${id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`));
  expect(found).toEqual([]);
}

for (const colorScheme of ["light", "dark"] as const) {
  for (const [size, viewport] of [["wide", { width: 1280, height: 800 }], ["narrow", { width: 390, height: 800 }]] as const) {
    test(`${colorScheme}, ${size}`, async ({ page, person }) => {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.setViewportSize(viewport);
      await page.goto("/login");
      await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
      await check(page, "log in");
      await person.signUp(page);
      await check(page, "nothing today");
      await add(page, "Late 2026-01-02 p2", "Call Ann today at 23:30 p1 @family remind me 1 hour before", "Water every day p3");
      await person.send("/v1/projects", { name: "Home", color: "#d1453b" });
      for (const view of ["inbox", "today", "upcoming", "completed", "tag/family", "search?q=ann", "settings/account", "settings/reminders", "settings/access", "settings/calendar", "settings/history"]) {
        await page.goto(`/${view}`);
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        if (view === "search?q=ann") await expect(page.locator("mark")).toHaveText("Ann");
        else if (view !== "completed" && !view.startsWith("settings")) await expect(row(page, "Call Ann")).toBeVisible();
        await check(page, view);
      }
      await page.goto("/today");
      await row(page, "Water").getByRole("checkbox").click();
      await expect(page.getByText("Completed “Water”")).toBeVisible();
      await check(page, "a notice");
      await row(page, "Call Ann").getByRole("button").first().click();
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
