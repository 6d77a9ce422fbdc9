import { expect, test } from "./people.ts";

test("settings are kept", async ({ page, person }) => {
  await person.signUp(page);
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await expect(page.getByRole("heading", { name: "Settings", level: 1 })).toBeVisible();
  await expect(page.getByLabel("Time zone")).toHaveValue("Europe/Berlin");
  await page.getByLabel("Time zone").selectOption("Asia/Tokyo");

  await page.getByRole("link", { name: "Reminders" }).click();
  await page.getByLabel("Kind").selectOption("ntfy");
  await page.getByLabel("URL of server and topic").fill("https://ntfy.example.com/a-topic");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.getByRole("listitem").filter({ hasText: "ntfy.example.com" })).toContainText("Default");
  await page.getByLabel("From").fill("22:00");
  await page.getByLabel("Until").fill("07:00");
  await page.getByRole("button", { name: "Save" }).first().click();
  await expect(page.getByRole("button", { name: "Off" })).toBeVisible();

  await page.getByRole("link", { name: "Devices and tokens" }).click();
  await expect(page.getByText("This device")).toBeVisible();
  await page.getByLabel("What it is for").fill("backup");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.locator("output")).toContainText("tds_");

  await page.getByRole("link", { name: "Calendar" }).click();
  await page.getByRole("button", { name: "Make an address" }).click();
  await expect(page.locator("output")).toContainText("/v1/calendars/");

  await page.goto("/settings/reminders");
  await expect(page.getByLabel("From")).toHaveValue("22:00");
  await page.goto("/settings/account");
  await expect(page.getByLabel("Time zone")).toHaveValue("Asia/Tokyo");
});

test("an account is deleted by its owner", async ({ page, person }) => {
  await person.signUp(page);
  await page.goto("/settings/account");
  const confirm = page.getByLabel(`Write ${person.email} to delete the account`);
  await expect(page.getByRole("button", { name: "Delete account" })).toBeDisabled();
  await confirm.fill(person.email);
  await page.getByRole("button", { name: "Delete account" }).click();
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill("correct horse battery");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("alert")).toContainText("wrong");
});

test("the history tells how late a reminder was", async ({ page, person }) => {
  await person.signUp(page);
  await person.device();
  await person.send("/v1/tasks", { title: "On time", reminders: [{ at: new Date(Date.now() + 3_000).toISOString() }] });
  await expect(page.getByRole("alert")).toContainText("On time", { timeout: 15_000 });
  await page.goto("/settings/history");
  await expect(page.getByRole("listitem").filter({ hasText: "Reminder fired: On time" })).toContainText(/\d+ ms late|\d\.\d s late/);
});
