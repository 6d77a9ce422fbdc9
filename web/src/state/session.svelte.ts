/** Who is logged in. The access token is in memory only; the refresh token is a cookie that no script can
 * read, exchanged by `POST /page/refresh`. */
import { createClient, type components, dataOf, type Problem, ProblemError } from "todostack-client";

import { deviceZone } from "../lib/dates";
import { connection } from "./connection.svelte";
import type { Answer } from "./issuers";
import { forget, wipe } from "./store";

export type User = components["schemas"]["UserView"];

interface Tokens {
  accessToken: string;
  expiresIn: number;
}

/** A token is renewed so long before it expires, in milliseconds. */
const EARLY = 30_000;

/** Who is logged in, so that the page opens without a network. */
const KNOWN = "user";
/** Who logged out without a network has yet to tell the gateway. */
const LEFT = "left";

class Session {
  /** Whether there is a session: not known until the gateway was asked. */
  state = $state<"unknown" | "out" | "in">("unknown");
  user = $state.raw<User>();
  /** The session ended without the user's doing. */
  ended = $state(false);

  #token: { text: string; until: number } | undefined;
  #refreshing: Promise<boolean> | undefined;
  /** The other tabs of this browser. */
  #tabs = new BroadcastChannel("todostack-session");

  constructor() {
    this.#tabs.onmessage = () => this.#leave(false);
  }

  /** The zone in which the user's days begin. */
  get zone(): string {
    return this.user?.timeZone ?? deviceZone();
  }

  /** Goes on with the session of this browser, if it has one. */
  async restore(): Promise<void> {
    if (localStorage.getItem(LEFT) !== null) {
      await this.logOut();
      return;
    }
    const known = remembered();
    if (known) {
      // What this device keeps is shown at once; whether the session is still there is asked meanwhile.
      this.user = known;
      this.state = "in";
    }
    try {
      if (await this.refresh()) await this.#enter();
      else this.#leave(known !== undefined);
    } catch (error) {
      if (!known) throw error;
    }
  }

  async logIn(email: string, password: string): Promise<void> {
    this.#take(await post("/page/log-in", { email, password }));
    await this.#enter();
  }

  /** Logs in by what an issuer says. */
  async logInBy(answer: Answer): Promise<void> {
    this.#take(await post("/page/oidc", answer));
    await this.#enter();
  }

  async signUp(email: string, password: string): Promise<void> {
    this.#take(await post("/page/sign-up", { email, password, timeZone: deviceZone() }));
    await this.#enter();
  }

  async logOut(): Promise<void> {
    localStorage.setItem(LEFT, "1");
    this.#tabs.postMessage("left");
    this.#leave(false);
    await wipe();
    // Without a network the cookie stays, and goes before the page is used again.
    await post("/page/log-out").then(() => localStorage.removeItem(LEFT), () => undefined);
  }

  /** A token that is good for some time yet, to send with a request. */
  async token(): Promise<string | undefined> {
    if (this.state === "in" && (!this.#token || this.#token.until - Date.now() < EARLY) && !(await this.refresh())) this.#leave(true);
    return this.#token?.text;
  }

  /** Gets new tokens. False: the session has ended, and whoever asks is logged out. */
  refresh(): Promise<boolean> {
    this.#refreshing ??= this.#exchange().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** The gateway refused the token: tries another one, or logs out. */
  async refused(): Promise<boolean> {
    const renewed = await this.refresh();
    if (!renewed && this.state === "in") this.#leave(true);
    return renewed;
  }

  /** The user's settings were changed. */
  changed(user: User): void {
    this.user = user;
    localStorage.setItem(KNOWN, JSON.stringify(user));
  }

  async #exchange(): Promise<boolean> {
    try {
      this.#take(await post("/page/refresh"));
      return true;
    } catch (error) {
      if (error instanceof ProblemError && error.problem.status === 401) return false;
      throw error;
    }
  }

  #take(tokens: Tokens): void {
    this.#token = { text: tokens.accessToken, until: Date.now() + tokens.expiresIn * 1000 };
  }

  async #enter(): Promise<void> {
    const token = this.#token?.text;
    const client = createClient({ baseUrl: location.origin, token: () => token });
    const user = dataOf(await client.GET("/v1/me"));
    const before = this.user?.id;
    if (user.id !== before) await wipe(user.id);
    this.changed(user);
    localStorage.removeItem(LEFT);
    // What is shown is another user's, of whom this browser has no cookie any more.
    if (before !== undefined && user.id !== before) location.reload();
    this.ended = false;
    this.state = "in";
  }

  #leave(ended: boolean): void {
    if (ended && this.user) void forget(this.user.id);
    this.#token = undefined;
    this.user = undefined;
    localStorage.removeItem(KNOWN);
    this.ended = ended;
    this.state = "out";
  }
}

function remembered(): User | undefined {
  try {
    const user: unknown = JSON.parse(localStorage.getItem(KNOWN) ?? "null");
    return typeof user === "object" && user !== null && "id" in user ? (user as User) : undefined;
  } catch {
    return undefined;
  }
}

/** The routes of the page's session, which are the gateway's and this page's affair, in no document. */
async function post(path: string, body?: object): Promise<Tokens> {
  const init: RequestInit = { method: "POST" };
  if (body) {
    init.body = JSON.stringify(body);
    init.headers = { "content-type": "application/json" };
  }
  const response = await fetch(path, init).catch((error: unknown) => {
    connection.online = false;
    throw error;
  });
  connection.online = true;
  if (response.status === 204) return { accessToken: "", expiresIn: 0 };
  const answer: unknown = await response.json();
  if (!response.ok) throw new ProblemError(answer as Problem);
  return answer as Tokens;
}

export const session = new Session();
