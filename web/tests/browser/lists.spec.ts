import { add, expect, row, task, test } from "./people.ts";

test("a list is put in order by dragging and by keys", async ({ page, person }) => {
  await person.signUp(page);
  await page.goto("/inbox");
  await add(page, "Alpha", "Beta", "Gamma");
  const titles = page.locator("#main [data-task] .title");
  await expect(titles).toHaveText(["Alpha", "Beta", "Gamma"]);
  await row(page, "Gamma").locator(".handle").dragTo(row(page, "Alpha"), { targetPosition: { x: 60, y: 4 } });
  await expect(titles).toHaveText(["Gamma", "Alpha", "Beta"]);
  await task(page, "Alpha").focus();
  await page.keyboard.press("Alt+ArrowDown");
  await expect(titles).toHaveText(["Gamma", "Beta", "Alpha"]);
  await page.keyboard.press("z");
  await expect(titles).toHaveText(["Gamma", "Alpha", "Beta"]);
  // So the gateway has it, too.
  await page.reload();
  await expect(titles).toHaveText(["Gamma", "Alpha", "Beta"]);
});

test("many tasks are changed together", async ({ page, person }) => {
  await person.signUp(page);
  await page.goto("/inbox");
  await add(page, "One", "Two", "Three");
  await task(page, "One").focus();
  await page.keyboard.press("v");
  await page.keyboard.press("j");
  await page.keyboard.press("v");
  const bar = page.getByRole("toolbar", { name: "Selected tasks" });
  await expect(bar).toContainText("2 selected");
  await bar.getByLabel("Priority").selectOption("Priority 1");
  await expect(row(page, "Priority 1: One")).toBeVisible();
  await expect(row(page, "Priority 1: Two")).toBeVisible();
  await page.getByRole("status").filter({ hasText: "Changed 2 tasks" }).getByRole("button", { name: "Undo" }).click();
  await expect(row(page, "Priority 1")).toHaveCount(0);
  await task(page, "Two").click({ modifiers: ["Control"] });
  await bar.getByRole("button", { name: "Complete" }).click();
  await expect(row(page, "Two")).toBeHidden();
  await expect(row(page, "Three")).toBeVisible();
});

test("a list of thousands has the rows that are seen, and is used like any other one", async ({ page, person }) => {
  await person.signUp(page);
  for (let chunk = 0; chunk < 4; chunk += 1) {
    const operations = Array.from({ length: 500 }, (_, n) => ({ op: "create", task: { title: `Task ${chunk * 500 + n}` } }));
    await person.send("/v1/tasks/bulk", { operations });
  }
  await page.goto("/inbox");
  const titled = (n: number) => page.getByRole("button", { name: `Task ${n}`, exact: true });
  const rows = page.locator("#main [data-row]");
  await expect(titled(0)).toBeVisible();
  await page.mouse.move(640, 500);
  for (let n = 0; n < 30; n += 1) await page.mouse.wheel(0, 1500);
  // Wherever it stands, the rows that are seen are those of this place, and no others are made.
  await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(44_000);
  const seen = () => page.evaluate(() => document.elementFromPoint(640, 400)?.closest("[data-row]")?.textContent ?? "");
  await expect.poll(seen).toMatch(/Task (9\d\d|10\d\d)\b/);
  await expect(titled(300)).toHaveCount(0);
  expect(await rows.count()).toBeLessThan(80);

  // To the end, and by the keyboard from there.
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await expect(titled(1999)).toBeVisible();
  const last = rows.last();
  await expect(last).toHaveAttribute("aria-posinset", "2000");
  await expect(last).toHaveAttribute("aria-setsize", "2000");
  await titled(1999).focus();
  for (let n = 0; n < 25; n += 1) await page.keyboard.press("k");
  await expect(titled(1974)).toBeFocused();
  await expect(titled(1974)).toBeInViewport();

  // Who scrolls away keeps the focus, and goes on from there.
  await page.evaluate(() => scrollTo(0, 0));
  await expect(titled(0)).toBeInViewport();
  await expect(titled(1974)).toBeFocused();
  await page.keyboard.press("v");
  await page.keyboard.press("k");
  await expect(titled(1973)).toBeFocused();
  await expect(titled(1973)).toBeInViewport();
  await page.keyboard.press("v");
  const bar = page.getByRole("toolbar", { name: "Selected tasks" });
  await expect(bar).toContainText("2 selected");
  await bar.getByRole("button", { name: "Complete" }).click();
  await expect(titled(1973)).toHaveCount(0);
  await page.evaluate(() => scrollTo(0, 0));
  await expect(titled(0)).toBeVisible();
  await row(page, "Task 2").first().locator(".handle").dragTo(titled(0), { targetPosition: { x: 60, y: 4 } });
  await expect(rows.first()).toContainText("Task 2");
});
