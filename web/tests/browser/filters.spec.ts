import { add, expect, row, test } from "./people.ts";

test("a filter is written with completion, saved, renamed, deleted and brought back", async ({ page, person }) => {
  await person.signUp(page);
  await person.send("/v1/projects", { name: "Home office" });
  await add(page, "Urgent today p1 @bank", "Later today p3");
  await page.getByRole("link", { name: "New filter" }).click();
  const field = page.getByRole("combobox", { name: "Filter" });
  await field.fill("p1 & @ba");
  await expect(page.getByRole("option", { name: "@bank" })).toBeVisible();
  await field.press("ArrowDown");
  await field.press("Enter");
  await expect(field).toHaveValue("p1 & @bank ");
  await expect(row(page, "Urgent")).toBeVisible();
  await expect(row(page, "Later")).toHaveCount(0);
  await field.fill("p1 & overdeu");
  await expect(page.getByRole("status").filter({ hasText: "did you mean `overdue`" })).toBeVisible();
  await field.fill("#ho");
  await page.getByRole("option", { name: '#"Home office"' }).click();
  await expect(page.getByRole("heading", { name: "No task is meant" })).toBeVisible();
  await field.fill("p1 | p2");
  await expect(row(page, "Urgent")).toBeVisible();

  await page.getByRole("button", { name: "Save as…" }).click();
  await page.getByLabel("Name of the filter").fill("Urgent ones");
  await page.getByLabel("Name of the filter").press("Enter");
  await expect(page.getByRole("heading", { name: "Urgent ones", level: 1 })).toBeVisible();
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByLabel("Name of the filter").fill("What matters");
  await page.getByLabel("Name of the filter").press("Enter");
  const link = page.getByRole("navigation", { name: "Lists" }).getByRole("link", { name: "What matters" });
  await expect(link).toBeVisible();

  // What it means follows the tasks, and its text is changed in place.
  await row(page, "Urgent").getByRole("checkbox").click();
  await field.fill("p3");
  await page.getByRole("button", { name: "Save change" }).click();
  await expect(page.getByRole("button", { name: "Save change" })).toBeHidden();
  await page.reload();
  await expect(field).toHaveValue("p3");
  await expect(row(page, "Later")).toBeVisible();

  await page.getByRole("button", { name: "Delete “What matters”" }).click();
  await expect(link).toBeHidden();
  await page.getByRole("status").filter({ hasText: "Deleted" }).getByRole("button", { name: "Undo" }).click();
  await expect(link).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("what mat");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "What matters", level: 1 })).toBeVisible();
  await expect(row(page, "Later")).toBeVisible();
});
