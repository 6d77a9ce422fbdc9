/** The page without a network: what is kept, what waits, what is asked, what is wiped. */
import type { Page } from "@playwright/test";

import { add, expect, row, task, test } from "./people.ts";

test.use({ serviceWorkers: "allow" });

const away = (page: Page) => page.getByRole("status").filter({ hasText: "Offline" });

/** The page opens without a network from here on, and has these tasks. */
async function settled(page: Page, ...wanted: string[]): Promise<void> {
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await expect.poll(() => titles(page)).toEqual(expect.arrayContaining(wanted));
}

/** The titles of the tasks that this device keeps. */
const titles = (page: Page) =>
  page.evaluate(async () => {
    const [first] = await indexedDB.databases();
    const done = <T>(request: IDBRequest<T>) => new Promise<T>((resolve) => (request.onsuccess = () => resolve(request.result)));
    const database = await done(indexedDB.open(first?.name ?? ""));
    const all = await done(database.transaction("tasks").objectStore("tasks").getAll() as IDBRequest<{ title: string }[]>);
    database.close();
    return all.map(({ title }) => title);
  });

const databases = (page: Page) => page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));

test("it opens without a network, and what was done is sent once when it is back", async ({ page, context, person }) => {
  await person.signUp(page);
  await add(page, "Kept today", "Done offline today");
  await settled(page, "Kept", "Done offline");
  await context.setOffline(true);
  await page.reload();
  await expect(row(page, "Kept")).toBeVisible();
  await expect(away(page)).toBeVisible();
  await row(page, "Done offline").getByRole("checkbox").click();
  await expect(row(page, "Done offline")).toBeHidden();
  await page.keyboard.press("q");
  await page.getByLabel("New task").fill("Written offline today p1");
  await page.getByLabel("New task").press("Enter");
  await page.keyboard.press("Escape");
  // A write waits from when it was tried: whoever leaves the page before that takes it along.
  await expect(page.getByRole("status").filter({ hasText: "2 changes wait" })).toBeVisible();
  await page.goto("/inbox");
  await expect(row(page, "Written offline today p1")).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: "2 changes wait" })).toBeVisible();
  // Also after the page was closed and opened again.
  await page.reload();
  await expect(row(page, "Written offline today p1")).toBeVisible();
  await expect(row(page, "Done offline")).toHaveCount(0);

  const sent: string[] = [];
  context.on("request", (request) => {
    if (request.method() !== "GET" && request.url().includes("/v1/tasks")) sent.push(`${request.method()} ${new URL(request.url()).pathname.replace(/[0-9a-f-]{36}/, "ID")}`);
  });
  await context.setOffline(false);
  await expect(row(page, "Priority 1: Written offline")).toBeVisible({ timeout: 20_000 });
  await expect(away(page)).toBeHidden();
  expect(sent).toEqual(["POST /v1/tasks/ID/complete", "POST /v1/tasks/quick"]);
  await page.goto("/completed");
  await expect(row(page, "Done offline")).toBeVisible();
});

test("an edit that somebody else has made otherwise is asked about, and no other one is", async ({ page, context, person }) => {
  await person.signUp(page);
  await page.goto("/inbox");
  await add(page, "Rent");
  await settled(page, "Rent");
  await task(page, "Rent").click();
  const id = new URL(page.url()).searchParams.get("task") ?? "";
  const panel = page.getByRole("dialog", { name: "Task" });
  await context.setOffline(true);
  await panel.getByLabel("Title").fill("Rent of December");
  await panel.getByLabel("Title").press("Enter");
  await panel.getByLabel("Priority 2").press("Space");
  await expect(page.getByRole("status").filter({ hasText: "2 changes wait" })).toBeVisible();
  await person.change(`/v1/tasks/${id}`, { title: "Rent of January", description: "from elsewhere" });
  await context.setOffline(false);
  const question = page.getByRole("alert").filter({ hasText: "was also changed elsewhere while you were offline: title" });
  await expect(question).toBeVisible({ timeout: 20_000 });
  await question.getByRole("button", { name: "Keep mine" }).click();
  await expect(question).toBeHidden();
  await expect(page.getByRole("status").filter({ hasText: "wait" })).toBeHidden();
  await page.reload();
  await expect(panel.getByLabel("Title")).toHaveValue("Rent of December");
  await expect(panel.getByLabel("Priority 2")).toBeChecked();
  await expect(panel.getByText("from elsewhere")).toBeVisible();
});

test("two tabs send once what waits, and log out together", async ({ page, context, person }) => {
  await person.signUp(page);
  await add(page, "Shared today");
  await settled(page, "Shared");
  const other = await context.newPage();
  await other.goto("/today");
  await expect(row(other, "Shared")).toBeVisible();
  await context.setOffline(true);
  // By the tab that does not lead.
  await row(other, "Shared").getByRole("checkbox").click();
  await expect(row(page, "Shared")).toBeHidden();
  let sent = 0;
  context.on("request", (request) => {
    if (request.url().endsWith("/complete")) sent += 1;
  });
  await context.setOffline(false);
  await expect(page.getByRole("status").filter({ hasText: "wait" })).toBeHidden({ timeout: 20_000 });
  await expect(other.getByRole("status").filter({ hasText: "wait" })).toBeHidden();
  expect(sent).toBe(1);

  expect(await databases(page)).toHaveLength(1);
  await other.getByRole("button", { name: "Log out" }).click();
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
  await expect(other.getByRole("heading", { name: "Log in" })).toBeVisible();
  await expect.poll(() => databases(page)).toEqual([]);
  expect(await page.evaluate(() => localStorage.getItem("user"))).toBeNull();
  await context.setOffline(true);
  await page.reload();
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
});

test("it can be installed, and keeps no answer of the API", async ({ page, person }) => {
  await person.signUp(page);
  await add(page, "Secret plan today");
  await settled(page);
  const manifest = await page.evaluate(async () => (await fetch("/manifest.webmanifest")).json() as Promise<{ icons: { src: string }[] }>);
  for (const { src } of manifest.icons) expect((await page.request.get(src)).ok()).toBe(true);
  const kept = await page.evaluate(async () => {
    const names = await caches.keys();
    const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return { names, paths: requests.flat().map(({ url }) => new URL(url).pathname) };
  });
  expect(kept.names).toHaveLength(1);
  expect(kept.paths).toContain("/");
  for (const path of kept.paths) expect(path).toMatch(/^\/($|assets\/|icon|manifest\.webmanifest$)/);
});
