/** Reminders as notifications. A browser without a screen has no push service: what one would deliver is put into the
 * worker by the browser's own tool for it. */
import type { Page } from "@playwright/test";

import { add, expect, row, test } from "./people.ts";

test.use({ serviceWorkers: "allow", permissions: ["notifications"] });

const KEY = "BF3vNqFG9HRGJLmCCLEZCUC7PJncgRGmFOeZeOJh0hKWwYn-LCF2ee7dnNwGBsjSDr3f4OSOso6V2f-cfX3dtts";

const notifications = (page: Page) =>
  page.evaluate(async () => {
    const all = await (await navigator.serviceWorker.ready).getNotifications();
    return all.map(({ title, body, tag }) => ({ title, body, tag }));
  });

test("this browser becomes a channel, and none again", async ({ page, person }) => {
  await page.addInitScript((p256dh) => {
    let subscription: object | null = null;
    PushManager.prototype.getSubscription = () => Promise.resolve(subscription as PushSubscription | null);
    PushManager.prototype.subscribe = (options) => {
      if (!options?.userVisibleOnly || typeof options.applicationServerKey !== "string") throw new TypeError("not as it should be");
      const keys = { p256dh, auth: "AAAAAAAAAAAAAAAAAAAAAA" };
      const unsubscribe = () => ((subscription = null), Promise.resolve(true));
      subscription = { toJSON: () => ({ endpoint: "https://push.example.com/abc", keys }), unsubscribe };
      return Promise.resolve(subscription as PushSubscription);
    };
  }, KEY);
  await person.signUp(page);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await page.goto("/settings/reminders");
  await page.getByRole("button", { name: "Remind me here" }).click();
  const channel = page.getByRole("listitem").filter({ hasText: "push.example.com" });
  await expect(channel).toContainText("This browser");
  await page.getByRole("button", { name: "Do not remind me here" }).click();
  await expect(channel).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Remind me here" })).toBeVisible();
});

test("a notification shows a reminder, and its buttons do what they say", async ({ page, context, person }) => {
  await person.signUp(page);
  await add(page, "Water the plants today");
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  const { id } = await person.send("/v1/tasks", { title: "Call Ann" });
  const browser = await context.newCDPSession(page);
  const registered = new Promise<string>((resolve) => {
    browser.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const [first] = registrations.filter(({ scopeURL }) => scopeURL === new URL("/", page.url()).href);
      if (first) resolve(first.registrationId);
    });
  });
  await browser.send("ServiceWorker.enable");
  const registrationId = await registered;
  const deliver = async (pushed: object): Promise<void> => {
    await browser.send("ServiceWorker.deliverPushMessage", { origin: new URL(page.url()).origin, registrationId, data: JSON.stringify(pushed) });
  };
  const complete = { action: "complete", method: "POST", path: `/v1/tasks/${id}/complete` };
  const pushed = { type: "reminder.due", id: "018f", title: "Call Ann", text: "at 9", reminderId: "r1", taskId: id, actions: [complete] };
  await deliver(pushed);
  await expect.poll(() => notifications(page)).toEqual([{ title: "Call Ann", body: "at 9", tag: "r1" }]);
  // The same once more takes the place of the first.
  await deliver({ ...pushed, text: "at 10" });
  await expect.poll(() => notifications(page)).toEqual([{ title: "Call Ann", body: "at 10", tag: "r1" }]);

  const [worker] = context.serviceWorkers();
  await worker?.evaluate(async (action) => {
    const scope = self as unknown as { registration: ServiceWorkerRegistration };
    const [notification] = await scope.registration.getNotifications();
    const Clicked = (self as unknown as { NotificationEvent: new (type: string, init: object) => Event }).NotificationEvent;
    self.dispatchEvent(new Clicked("notificationclick", { notification, action }));
  }, "complete");
  await page.goto("/completed");
  await expect(row(page, "Call Ann")).toBeVisible();
  await expect.poll(() => notifications(page)).toEqual([]);
});
