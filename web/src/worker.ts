/** The service worker of the page: it keeps the page's own files, so that it opens without a network. It answers for
 * nothing else: what the API says goes by it, and is kept by `state/store` for its user alone. */
/// <reference lib="webworker" />

const worker = self as unknown as ServiceWorkerGlobalScope;

/** What the build has made: `listed` of worker.build.ts puts it here. */
declare const __PAGE__: { version: string; files: string[]; firsts: string[] };

/** The document of every path of the page. */
const INDEX = "/";
const PREFIX = "page-";
const { version, files, firsts } = __PAGE__;
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
