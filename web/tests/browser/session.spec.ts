import { add, expect, row, test } from "./people.ts";

test("no script can read what goes on with a session", async ({ page, context, person }) => {
  await person.signUp(page);
  const [cookie] = await context.cookies(new URL("/page/refresh", page.url()).href);
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/page" });
  expect(await page.evaluate(() => document.cookie)).toBe("");
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  expect(kept).not.toContain("eyJ");
  const answer = await page.goto("/today");
  const policy = answer?.headers()["content-security-policy"] ?? "";
  expect(policy).toContain("default-src 'self'");
  expect(policy).not.toContain("unsafe");
});

test("the first load is less than 100 kB", async ({ page, person }) => {
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
  const bytes = await page.evaluate(() => {
    const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    return entries.reduce((sum, entry) => sum + (entry as PerformanceResourceTiming).encodedBodySize, 0);
  });
  expect(bytes).toBeGreaterThan(20_000);
  expect(bytes).toBeLessThan(100_000);
  await person.signUp(page);
});

test("who logs out is out, and back in by the password", async ({ page, person }) => {
  await person.signUp(page);
  await add(page, "Still here today");
  await page.getByRole("button", { name: "Log out" }).click();
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
  await page.goto("/today");
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill("not the right one");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("alert")).toContainText("wrong");
  await person.logIn(page);
  await expect(row(page, "Still here")).toBeVisible();
});

test("two tabs agree", async ({ page, context, person }) => {
  await person.signUp(page);
  const other = await context.newPage();
  await other.goto("/today");
  await expect(other.getByText("Changes of other devices appear at once").first()).toBeAttached();
  await add(page, "Seen by both today");
  await expect(row(other, "Seen by both")).toBeVisible();
  await row(other, "Seen by both").getByRole("checkbox").click();
  await expect(row(page, "Seen by both")).toBeHidden();
});

test("what changed while there was no network is there when it is back", async ({ page, context, person }) => {
  await person.signUp(page);
  await add(page, "Kept today");
  await expect(page.locator(".state.live")).toBeVisible();
  await context.setOffline(true);
  await row(page, "Kept").getByRole("checkbox").click();
  await expect(row(page, "Kept")).toBeHidden();
  await expect(page.getByRole("status").filter({ hasText: "1 change waits" })).toBeVisible();
  await context.setOffline(false);
  const due = { date: new Intl.DateTimeFormat("en-CA", { timeZone: "Europe/Berlin" }).format() };
  await person.send("/v1/tasks", { title: "Meanwhile", due });
  await expect(row(page, "Meanwhile")).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: "waits" })).toBeHidden({ timeout: 20_000 });
  await expect(row(page, "Kept")).toBeHidden();
});
