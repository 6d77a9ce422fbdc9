/** Log-in at an issuer of OpenID Connect, a real one that `web/check` starts. */
import type { Page } from "@playwright/test";

import { add, expect, row, test } from "./people.ts";

/** What the issuer asks of who is not logged in there. */
async function atTheIssuer(page: Page, name: string): Promise<void> {
  await page.getByPlaceholder("Enter any login").fill(name);
  await page.getByPlaceholder("and password").fill("any");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}

test("who is known at an issuer has an account here", async ({ page, browser, person }) => {
  await page.goto("/");
  await page.getByRole("button", { name: "Continue with Work" }).click();
  await atTheIssuer(page, `work-${person.email}`);
  await expect(page.getByRole("heading", { name: "Today", level: 1 })).toBeVisible();
  expect(page.url()).not.toContain("code=");
  await add(page, "Kept at work today");
  // On another device it is the same account.
  const context = await browser.newContext();
  const other = await context.newPage();
  await other.goto(new URL("/", page.url()).href);
  await other.getByRole("button", { name: "Continue with Work" }).click();
  await atTheIssuer(other, `work-${person.email}`);
  await expect(row(other, "Kept at work")).toBeVisible();
  await context.close();
});

test("a log-in elsewhere is linked to an account, and taken off it", async ({ page, person }) => {
  await person.signUp(page);
  await add(page, "Mine today");
  // Somebody else has this address there, for all that anybody knows.
  await page.goto("/settings/access");
  await page.getByRole("button", { name: "Add Work" }).click();
  await atTheIssuer(page, person.email);
  await expect(page.getByRole("listitem").filter({ hasText: person.email })).toBeVisible();
  await page.getByRole("button", { name: "Log out", exact: true }).last().click();
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
  await page.getByRole("button", { name: "Continue with Work" }).click();
  await expect(row(page, "Mine")).toBeVisible();
  await page.goto("/settings/access");
  await page.getByRole("button", { name: "Remove" }).click();
  await expect(page.getByRole("listitem").filter({ hasText: person.email })).toBeHidden();
});

test("who is not let in by the issuer reads why", async ({ page }) => {
  await page.goto("/login?error=access_denied&error_description=You+declined&state=x");
  await expect(page.getByRole("alert")).toHaveText("You are not logged in: You declined.");
  // A code that somebody else sent here logs nobody in.
  await page.goto("/login?code=stolen&state=x");
  await expect(page.getByRole("alert")).toHaveText("You are not logged in: begin again here.");
  expect(page.url()).not.toContain("code=");
});
