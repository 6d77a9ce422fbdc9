/** The service worker, which opens the page without a network. */

const WORKER = "/worker.js";

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): { createScriptURL(url: string): string };
}

/** Registers it. Plain http has none, and the page needs a network there. */
export async function registerWorker(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  const { trustedTypes } = window as { trustedTypes?: TrustedTypes };
  const rules = {
    createScriptURL(url: string): string {
      if (url !== WORKER) throw new TypeError(`no script of the page: ${url}`);
      return url;
    },
  };
  // The content security policy names this one.
  const policy = trustedTypes?.createPolicy("todostack-worker", rules) ?? rules;
  await navigator.serviceWorker.register(policy.createScriptURL(WORKER));
}
