/** The pictures of docs/images: `web/check --screenshots`. */
import { mkdirSync } from "node:fs";
import type { Page } from "@playwright/test";

import { add, expect, row, task, test } from "./people.ts";

const folder = process.env["SCREENSHOTS"];

/** A week of somebody's life, the same each time. */
const LINES = [
  "Water the plants every 3 days at 18 #home @balcony",
  "Call Ann about the trip today at 23:30 p1 @family remind me 1 hour before",
  "Send the slides to Jo today at 23:45 p2 #work",
  "Pay rent every month on the 1st p1 #home remind me 1 day before",
  "Buy oat milk today @shopping",
  "Book the dentist on friday p3 @health",
  "Review the proposal of the team tomorrow at 10 #work p2",
  "Dinner with Kim tomorrow at 19:30 @friends",
  "Take the parcel to the post in 2 days @errands",
  "Renew the passport in 12 days p2",
];

async function prepare(page: Page, send: (path: string, data: object) => Promise<unknown>): Promise<void> {
  await send("/v1/projects", { name: "Home", color: "#2f9e5b" });
  await send("/v1/projects", { name: "Work", color: "#3b82d6" });
  await send("/v1/filters", { name: "Urgent", filter: "p1 | overdue" });
  await send("/v1/filters", { name: "Work without a date", filter: "#Work & no due" });
  await add(page, ...LINES);
  await page.getByRole("button", { name: "Dismiss" }).click();
}

test("pictures", async ({ page, person }) => {
  test.skip(!folder, "only asked for with --screenshots");
  test.setTimeout(90_000);
  const path = (name: string) => `${folder}/${name}.png`;
  mkdirSync(folder ?? "", { recursive: true });
  const shot = (name: string) => page.screenshot({ path: path(name), animations: "disabled", caret: "hide" });
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
  await person.signUp(page);
  await prepare(page, (to, data) => person.send(to, data));
  await page.mouse.move(640, 760);
  await shot("today");
  await page.keyboard.press("q");
  await page.getByLabel("New task").pressSequentially("Prepare the talk next monday at 10 p2 #work remind me 30 minutes before");
  await expect(page.locator(".chip.reminder")).toBeVisible();
  await shot("quick-add");
  await page.keyboard.press("Escape");
  await page.goto("/filter");
  await page.getByRole("combobox").pressSequentially("(p1 | p2) & #w");
  await expect(page.getByRole("option", { name: "#Work" })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(row(page, "Send the slides")).toBeVisible();
  await page.keyboard.type("& ");
  await expect(page.getByRole("option", { name: "today" })).toBeVisible();
  await shot("filter");
  await page.goto("/upcoming");
  await task(page, "Pay rent").click();
  await page.getByText("Next five").click();
  await expect(page.getByRole("dialog").getByRole("listitem").first()).toBeVisible();
  await shot("editor");
  await page.keyboard.press("Escape");
  await page.goto("/settings/reminders");
  await expect(page.getByRole("heading", { name: "Quiet hours" })).toBeVisible();
  await shot("settings");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.goto("/upcoming");
  await expect(row(page, "Pay rent")).toBeVisible();
  await shot("upcoming-dark");
  await page.setViewportSize({ width: 390, height: 780 });
  await page.goto("/upcoming");
  await expect(row(page, "Pay rent")).toBeVisible();
  await shot("upcoming-phone-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto("/today");
  await expect(row(page, "Call Ann")).toBeVisible();
  await shot("today-phone");
});
