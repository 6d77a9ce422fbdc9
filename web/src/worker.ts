/** The service worker of the page: it keeps the page's own files, so that it opens without a network, and shows
 * reminders while the page is closed. It answers for nothing else: what the API says goes by it, and is kept by
 * `state/store` for its user alone. */
/// <reference lib="webworker" />

const worker = self as unknown as ServiceWorkerGlobalScope;

/** What the build has made: `listed` of worker.build.ts puts it here. */
declare const __PAGE__: { version: string; files: string[]; firsts: string[]; words: { complete: string; snooze: string; failed: string } };

/** The document of every path of the page. */
const INDEX = "/";
const PREFIX = "page-";
const { version, files, firsts, words } = __PAGE__;
const CACHE = PREFIX + version;
/** A network that does not answer for so long is none, in milliseconds. */
const PATIENCE = 3_000;

worker.addEventListener("install", (event) => {
  const keep = async (): Promise<void> => {
    const cache = await caches.open(CACHE);
    await cache.addAll(files);
    // Pages that are open have what they are made of; the next one is that of this worker.
    await worker.skipWaiting();
  };
  event.waitUntil(keep());
});

worker.addEventListener("activate", (event) => {
  const clear = async (): Promise<void> => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)));
    await worker.clients.claim();
  };
  event.waitUntil(clear());
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== worker.location.origin) return;
  if (request.mode === "navigate") {
    if (firsts.includes(pathname.split("/")[1] ?? "")) event.respondWith(opened(request));
  } else if (files.includes(pathname)) event.respondWith(kept(pathname).then((file) => file ?? fetch(request)));
});

const kept = async (path: string): Promise<Response | undefined> => {
  const cache = await caches.open(CACHE);
  return cache.match(path, { ignoreVary: true });
};

/** The newest document, or that which is kept where the gateway cannot be reached. */
async function opened(request: Request): Promise<Response> {
  const fetched = fetch(request);
  const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), PATIENCE));
  const fresh = await Promise.race([fetched, late]).catch(() => undefined);
  if (fresh && fresh.status < 500) return fresh;
  return (await kept(INDEX)) ?? fetched;
}

/** What the notifications service sends (docs/notifications.md). */
interface Pushed {
  id: string;
  title: string;
  text: string;
  reminderId?: string;
  taskId?: string;
  actions?: { action: string; method: string; path: string }[];
}

/** How long Snooze puts a reminder off, in minutes. */
const SNOOZE = 10;

worker.addEventListener("push", (event) => {
  const pushed = event.data?.json() as Pushed | undefined;
  if (pushed) event.waitUntil(notify(pushed, pushed.text));
});

worker.addEventListener("notificationclick", (event) => {
  const { notification, action } = event;
  const pushed = notification.data as Pushed;
  const chosen = pushed.actions?.find((each) => each.action === action);
  notification.close();
  event.waitUntil(chosen ? act(pushed, chosen) : show(pushed));
});

function notify(pushed: Pushed, body: string): Promise<void> {
  const actions = (pushed.actions ?? []).flatMap(({ action }) =>
    action === "complete" || action === "snooze" ? [{ action, title: words[action] }] : [],
  );
  const options = { body, actions, data: pushed, icon: "/icon-192.png", badge: "/icon-192.png" };
  // Of one reminder the last notification only.
  return worker.registration.showNotification(pushed.title, { ...options, tag: pushed.reminderId ?? pushed.id });
}

/** Does what a button of a notification says, as the one who is logged in here. */
async function act(pushed: Pushed, { action, method, path }: { action: string; method: string; path: string }): Promise<void> {
  try {
    const session = await fetch("/page/refresh", { method: "POST" });
    if (!session.ok || !path.startsWith("/v1/")) throw new Error("not logged in");
    const { accessToken } = (await session.json()) as { accessToken: string };
    const headers: Record<string, string> = { authorization: `Bearer ${accessToken}`, "idempotency-key": `${pushed.id}-${action}` };
    const init: RequestInit = { method, headers };
    if (action === "snooze") {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify({ minutes: SNOOZE });
    }
    const answer = await fetch(path, init);
    if (!answer.ok) throw new Error(`${answer.status}`);
  } catch {
    await notify({ ...pushed, actions: [] }, words.failed);
  }
}

/** The task in the page, in a tab that is there. */
async function show({ taskId }: Pushed): Promise<void> {
  const path = taskId ? `/today?task=${encodeURIComponent(taskId)}` : "/today";
  const [tab] = await worker.clients.matchAll({ type: "window" });
  if (tab) await (await tab.focus()).navigate(path);
  else await worker.clients.openWindow(path);
}
