import { add, expect, row, task, test } from "./people.ts";

test("everything by the keyboard", async ({ page, person }) => {
  await person.signUp(page);
  await add(page, "First today", "Second today", "Third today");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await expect(task(page, "Second")).toBeFocused();
  await page.keyboard.press("k");
  await expect(task(page, "First")).toBeFocused();
  await page.keyboard.press("1");
  await expect(row(page, "Priority 1: First")).toBeVisible();

  await page.keyboard.press("e");
  const title = page.getByRole("dialog", { name: "Task" }).getByLabel("Title");
  await expect(title).toBeFocused();
  await title.fill("First of all");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await expect(task(page, "First of all")).toBeFocused();

  await page.keyboard.press("x");
  await expect(row(page, "First of all")).toBeHidden();
  // The focus goes on with the next one.
  await expect(task(page, "Second")).toBeFocused();
  await expect(page.getByText("Completed “First of all”")).toBeVisible();
  await page.keyboard.press("z");
  await expect(row(page, "First of all")).toBeVisible();

  await page.keyboard.press("Delete");
  await expect(row(page, "Second")).toBeHidden();

  await page.keyboard.press("g");
  await page.keyboard.press("i");
  await expect(page.getByRole("heading", { name: "Inbox", level: 1 })).toBeVisible();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("upco");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Upcoming", level: 1 })).toBeVisible();
});
