/** This browser as a channel: reminders reach it while the page is closed, by its service worker. */
import { dataOf } from "todostack-client";

import { m } from "../messages";
import { api } from "./api";

/** The id of the channel that this browser is. */
const CHANNEL = "push";

async function registration(): Promise<ServiceWorkerRegistration | undefined> {
  // Plain http has no worker, and some browsers no push.
  if (!("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) return undefined;
  return navigator.serviceWorker.getRegistration();
}

class Push {
  /** Whether this browser is reached; `none`: it cannot be. */
  state = $state<"none" | "off" | "on">("none");

  async look(): Promise<void> {
    const there = await registration();
    this.state = !there ? "none" : (await there.pushManager.getSubscription()) && localStorage.getItem(CHANNEL) ? "on" : "off";
  }

  /** Makes this browser a channel, one of the default ones. */
  async start(): Promise<void> {
    const there = await registration();
    if (!there || (await Notification.requestPermission()) !== "granted") throw new Error(m.push.denied);
    const { applicationServerKey } = dataOf(await api.GET("/v1/push/key"));
    const subscription = await there.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
    const { endpoint = "", keys } = subscription.toJSON();
    const body = { type: "webPush", isDefault: true, endpoint, keys: { p256dh: keys?.["p256dh"] ?? "", auth: keys?.["auth"] ?? "" } } as const;
    localStorage.setItem(CHANNEL, dataOf(await api.POST("/v1/channels", { body })).id);
    this.state = "on";
  }

  /** Takes the channel away, too. */
  async stop(): Promise<void> {
    const id = localStorage.getItem(CHANNEL);
    await this.end();
    this.state = "off";
    if (id !== null) await api.DELETE("/v1/channels/{id}", { params: { path: { id } } });
  }

  /** Whoever logs out is reached here no more: the push service refuses what is sent from here on. */
  async end(): Promise<void> {
    localStorage.removeItem(CHANNEL);
    const subscription = await (await registration())?.pushManager.getSubscription();
    await subscription?.unsubscribe();
  }
}

export const push = new Push();
