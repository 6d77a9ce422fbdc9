/** Log-in at an issuer of OpenID Connect, a real one that `web/check` starts. */
import type { Page } from "@playwright/test";

import { add, expect, row, test } from "./people.ts";

/** Logs in at the issuer, which asks nothing of who is logged in there already. */
async function atTheIssuer(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "Continue with Work" }).click();
  await page.getByPlaceholder("Enter any login").fill(name);
  await page.getByPlaceholder("and password").fill("any");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}

test("who is known at an issuer has an account here", async ({ page, browser, person }) => {
  await page.goto("/");
  await atTheIssuer(page, `work-${person.email}`);
  await expect(page.getByRole("heading", { name: "Today", level: 1 })).toBeVisible();
  expect(page.url()).not.toContain("code=");
  await add(page, "Kept at work today");
  // On another device it is the same account.
  const context = await browser.newContext();
  const other = await context.newPage();
  await other.goto(new URL("/", page.url()).href);
  await atTheIssuer(other, `work-${person.email}`);
  await expect(row(other, "Kept at work")).toBeVisible();
  await context.close();
});

test("who is not let in by the issuer reads why", async ({ page }) => {
  await page.goto("/login?error=access_denied&error_description=You+declined&state=x");
  await expect(page.getByRole("alert")).toHaveText("You are not logged in: You declined.");
  // A code that somebody else sent here logs nobody in.
  await page.goto("/login?code=stolen&state=x");
  await expect(page.getByRole("alert")).toHaveText("You are not logged in: begin again here.");
  expect(page.url()).not.toContain("code=");
});
