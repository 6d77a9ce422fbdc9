/** Changes of other tabs and devices, by the WebSocket of docs/sync.md. */
import { connection } from "./connection.svelte";
import { queue } from "./queue.svelte";
import { replica } from "./replica.svelte";
import { session } from "./session.svelte";

/** What the sync service says. */
type Said =
  | { type: "ready"; expiresAt: string }
  | { type: "subscribed" | "gap" | "pong" }
  | { type: "change"; id: string; event: string };

/** Pauses between attempts to connect, in milliseconds; the last one again and again. */
const PAUSES = [500, 1_000, 2_000, 5_000, 10_000, 30_000];
/** The connection is asked so often whether it is there, and has so long to answer, in milliseconds. */
const ASKS = 25_000;
const ANSWERS = 8_000;
/** Notices that come together are read together, in milliseconds. */
const GATHERS = 40;

class Live {
  #socket: WebSocket | undefined;
  #failed = 0;
  #running = false;
  #reconnect: ReturnType<typeof setTimeout> | undefined;
  #ask: ReturnType<typeof setInterval> | undefined;
  #answer: ReturnType<typeof setTimeout> | undefined;
  #renew: ReturnType<typeof setTimeout> | undefined;
  #read: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    const wake = (): void => {
      if (this.#running && document.visibilityState === "visible") this.#wake();
    };
    document.addEventListener("visibilitychange", wake);
    addEventListener("online", wake);
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#connect();
  }

  stop(): void {
    this.#running = false;
    this.#drop();
    clearTimeout(this.#reconnect);
    clearTimeout(this.#read);
  }

  /** The device slept, or was without a network: timers stood still, and the socket may be dead. */
  #wake(): void {
    this.#sync();
    if (this.#socket?.readyState === WebSocket.OPEN) this.#ping();
    else {
      this.#failed = 0;
      this.#again(0);
    }
  }

  async #connect(): Promise<void> {
    const token = await session.token().catch(() => undefined);
    if (!this.#running) return;
    if (token === undefined) return this.#again();
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/ws`);
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ type: "auth", token }));
    socket.onmessage = ({ data }) => this.#heard(JSON.parse(String(data)) as Said);
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket) return;
      this.#drop();
      // The token was not taken. Whoever has no other one is logged out, and this is stopped.
      if (code === 4401) void session.refused().then(() => this.#again(), () => this.#again());
      else this.#again();
    };
  }

  #heard(said: Said): void {
    switch (said.type) {
      case "ready":
        this.#socket?.send(JSON.stringify({ type: "subscribe" }));
        this.#renewBefore(Date.parse(said.expiresAt));
        break;
      case "subscribed":
        // From here on nothing is missed; what came before is read by the token of the copy.
        this.#failed = 0;
        connection.live = true;
        this.#ask = setInterval(() => this.#ping(), ASKS);
        this.#sync();
        void queue.flush();
        break;
      case "gap":
      case "change":
        this.#sync();
        break;
      case "pong":
        clearTimeout(this.#answer);
        break;
    }
  }

  #sync(): void {
    clearTimeout(this.#read);
    this.#read = setTimeout(() => {
      // What fails here is read at the next change, or when the connection is back.
      replica.sync().catch(() => undefined);
    }, GATHERS);
  }

  #ping(): void {
    this.#socket?.send(JSON.stringify({ type: "ping" }));
    clearTimeout(this.#answer);
    this.#answer = setTimeout(() => {
      this.#drop();
      this.#again(0);
    }, ANSWERS);
  }

  /** Shows the socket a token that lasts longer, before its own expires. */
  #renewBefore(expires: number): void {
    clearTimeout(this.#renew);
    // Timers hold 24 days at most.
    const wait = Math.min(Math.max(expires - Date.now() - 60_000, 1_000), 86_400_000);
    this.#renew = setTimeout(() => {
      const show = (token: string | undefined): void => {
        if (token !== undefined) this.#socket?.send(JSON.stringify({ type: "auth", token }));
      };
      // Without one the socket is closed, and connected anew.
      void session.refresh().then(() => session.token()).then(show, () => undefined);
    }, wait);
  }

  #again(pause?: number): void {
    if (!this.#running) return;
    clearTimeout(this.#reconnect);
    const planned = PAUSES[Math.min(this.#failed, PAUSES.length - 1)] ?? 30_000;
    this.#failed += 1;
    // Pages that lost the same server do not come back in one moment.
    this.#reconnect = setTimeout(() => void this.#connect(), pause ?? planned * (0.7 + Math.random() * 0.6));
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    connection.live = false;
    clearInterval(this.#ask);
    clearTimeout(this.#answer);
    clearTimeout(this.#renew);
  }
}

export const live = new Live();
