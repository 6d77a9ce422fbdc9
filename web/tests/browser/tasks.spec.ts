import { add, expect, row, task, test } from "./people.ts";

test("from signing up to a reminder on the page", async ({ page, person }) => {
  await person.signUp(page);
  await add(page, "Call Ann tomorrow at 9 p1 @family remind me 1 hour before");
  await page.getByRole("link", { name: /Upcoming/ }).click();
  const ann = row(page, "Call Ann");
  await expect(ann).toContainText("9:00");
  await expect(ann).toContainText("family");

  // From another device, with a reminder in a moment.
  await person.device();
  const at = new Date(Date.now() + 3_000).toISOString();
  await person.send("/v1/tasks", { title: "Water the plants", reminders: [{ at }] });
  const reminder = page.getByRole("alert").filter({ hasText: "Water the plants" });
  await expect(reminder).toContainText("Reminder", { timeout: 15_000 });
  await reminder.getByRole("button", { name: "Snooze 10 min" }).click();
  await expect(page.getByText("Put off by 10 minutes")).toBeVisible();

  await page.reload();
  await expect(row(page, "Call Ann")).toBeVisible();
});

test("what is understood of a line is marked while it is typed", async ({ page, person }) => {
  await person.signUp(page);
  await page.keyboard.press("q");
  await page.getByLabel("New task").fill("Pay rent every month on the 1st at 9 p1 @bank");
  const parts = page.locator(".under .part");
  await expect(parts.filter({ hasText: "every month on the 1st" })).toBeVisible();
  await expect(parts.filter({ hasText: "p1" })).toBeVisible();
  await page.getByLabel("New task").fill("Pay rent #nowhere");
  await expect(page.getByText(/you have no project of this name/)).toBeVisible();
});

test("a task is edited in its panel", async ({ page, person }) => {
  await person.signUp(page);
  await add(page, "Write the report today");
  await task(page, "Write the report").click();
  const panel = page.getByRole("dialog", { name: "Task" });
  await panel.getByLabel("Notes").fill("With the figures of November");
  await panel.getByLabel("Priority 2").press("Space");
  await panel.getByLabel("Add a tag").fill("work");
  await panel.getByLabel("Add a tag").press("Enter");
  await panel.getByLabel("Time").fill("16:00");
  await panel.getByLabel("Time").blur();
  await panel.getByLabel("Add reminder").selectOption("30 minutes before");
  await expect(panel.getByText("30 minutes before", { exact: true }).first()).toBeVisible();
  await panel.getByLabel("Repeat").last().selectOption("In words…");
  await panel.getByLabel("How it repeats, in words").fill("every 2 weeks on friday");
  await panel.getByRole("button", { name: "Save" }).click();
  await panel.getByText("Next five").click();
  await expect(panel.getByRole("listitem").filter({ hasText: "Fri" })).toHaveCount(5);
  await panel.getByLabel("Add subtask").fill("Ask Jo for the numbers");
  await panel.getByLabel("Add subtask").press("Enter");
  await expect(panel.getByText("Ask Jo for the numbers")).toBeVisible();
  await page.reload();
  await expect(panel.getByText("With the figures of November")).toBeVisible();
  await expect(panel.getByLabel("Time")).toHaveValue("16:00");
  await expect(panel.getByRole("button", { name: "Remove tag work" })).toBeVisible();
});

test("notes are Markdown, and whatever is in them nothing of it runs or is loaded", async ({ page, person }) => {
  await person.signUp(page);
  const description = [
    "**Bring** the [form](https://example.com/form)", "- one", "- two", "",
    "![x](https://evil.example/track.png) [y](javascript:alert(1)) <img src=https://evil.example/x.png onerror=alert(2)>",
    "<script>alert(3)</script>",
  ].join("\n");
  const { id } = await person.send("/v1/tasks", { title: "Passport", description });
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).host));
  let ran = false;
  page.on("dialog", (dialog) => {
    ran = true;
    void dialog.dismiss();
  });
  await page.goto(`/inbox?task=${id}`);
  const panel = page.getByRole("dialog", { name: "Task" });
  await expect(panel.locator("strong")).toHaveText("Bring");
  await expect(panel.getByRole("listitem").filter({ hasText: "two" })).toBeVisible();
  const form = panel.getByRole("link", { name: "form" });
  await expect(form).toHaveAttribute("href", "https://example.com/form");
  await expect(form).toHaveAttribute("rel", "noopener noreferrer nofollow");
  await expect(panel.getByRole("link", { name: "x", exact: true })).toHaveAttribute("href", "https://evil.example/track.png");
  await expect(panel.locator("img, script")).toHaveCount(0);
  await expect(panel.locator('a[href^="javascript"]')).toHaveCount(0);
  await expect(panel).toContainText("<script>alert(3)</script>");
  expect(new Set(asked)).toEqual(new Set([new URL(page.url()).host]));
  expect(ran).toBe(false);

  await panel.getByRole("button", { name: "Edit the text" }).click();
  await panel.getByLabel("Notes").fill("Only *this*");
  await panel.getByLabel("Notes").blur();
  await expect(panel.locator("em")).toHaveText("this");
});

test("what is refused is put back, with the reason", async ({ page, person }) => {
  await person.signUp(page);
  await add(page, "Stay as it is today");
  await page.route("**/v1/tasks/*/complete", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    const problem = { type: "about:blank", title: "Conflict", status: 409, detail: "somebody else has it" };
    await route.fulfill({ status: 409, contentType: "application/problem+json", json: problem });
  });
  await row(page, "Stay as it is").getByRole("checkbox").click();
  // Shown at once, before there is an answer.
  await expect(row(page, "Stay as it is")).toBeHidden({ timeout: 300 });
  await expect(page.getByRole("alert")).toContainText("somebody else has it");
  await expect(row(page, "Stay as it is")).toBeVisible();
});

test("what was done is undone", async ({ page, person }) => {
  await person.signUp(page);
  await add(page, "Keep me today", "Delete me today");
  await row(page, "Keep me").getByRole("checkbox").click();
  await expect(row(page, "Keep me")).toBeHidden();
  await page.getByRole("status").filter({ hasText: "Completed" }).getByRole("button", { name: "Undo" }).click();
  await expect(row(page, "Keep me")).toBeVisible();
  await row(page, "Delete me").hover();
  await page.getByRole("button", { name: "Delete “Delete me”" }).click();
  await expect(row(page, "Delete me")).toBeHidden();
  await page.getByRole("status").filter({ hasText: "Deleted" }).getByRole("button", { name: "Undo" }).click();
  await expect(row(page, "Delete me")).toBeVisible();
});

test("words are found, and what is written is never HTML", async ({ page, person }) => {
  await person.signUp(page);
  const title = "<img src=x onerror=alert(1)> oat milk";
  await person.send("/v1/tasks", { title, description: "<script>alert(2)</script> from the dairy" });
  let ran = false;
  page.on("dialog", (dialog) => {
    ran = true;
    void dialog.dismiss();
  });
  await page.keyboard.press("/");
  await page.getByLabel("Search tasks").fill("oat milk");
  await expect(page.locator("mark")).toHaveText(["oat", "milk"]);
  await expect(task(page, title)).toBeVisible();
  await expect(page.locator("#main img")).toHaveCount(0);
  await page.getByLabel("Search tasks").fill("dairy");
  await expect(page.locator("mark")).toHaveText(["dairy"]);
  expect(ran).toBe(false);
});
