/** Who is logged in. The access token is in memory only; the refresh token is a cookie that no script can
 * read, exchanged by `POST /page/refresh`. */
import { createClient, type components, dataOf, type Problem, ProblemError } from "todostack-client";

import { deviceZone } from "../lib/dates";

export type User = components["schemas"]["UserView"];

interface Tokens {
  accessToken: string;
  expiresIn: number;
  user?: User;
}

/** A token is renewed so long before it expires, in milliseconds. */
const EARLY = 30_000;

class Session {
  /** Whether there is a session: not known until the gateway was asked. */
  state = $state<"unknown" | "out" | "in">("unknown");
  user = $state.raw<User>();
  /** The session ended without the user's doing. */
  ended = $state(false);

  #token: { text: string; until: number } | undefined;
  #refreshing: Promise<boolean> | undefined;

  /** The zone in which the user's days begin. */
  get zone(): string {
    return this.user?.timeZone ?? deviceZone();
  }

  /** Goes on with the session of this browser, if it has one. */
  async restore(): Promise<void> {
    if (await this.refresh()) await this.#enter();
    else this.state = "out";
  }

  async logIn(email: string, password: string): Promise<void> {
    this.#take(await post("/page/log-in", { email, password }));
    await this.#enter();
  }

  async signUp(email: string, password: string): Promise<void> {
    this.#take(await post("/page/sign-up", { email, password, timeZone: deviceZone() }));
    await this.#enter();
  }

  async logOut(): Promise<void> {
    // Without the network the cookie stays: then the session is ended from another device.
    await post("/page/log-out").catch(() => undefined);
    this.#leave(false);
  }

  /** A token that is good for some time yet, to send with a request. */
  async token(): Promise<string | undefined> {
    if (this.#token && this.#token.until - Date.now() < EARLY) await this.refresh();
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
    if (tokens.user) this.user = tokens.user;
  }

  async #enter(): Promise<void> {
    const token = this.#token?.text;
    const client = createClient({ baseUrl: location.origin, token: () => token });
    this.user = dataOf(await client.GET("/v1/me"));
    this.ended = false;
    this.state = "in";
  }

  #leave(ended: boolean): void {
    this.#token = undefined;
    this.user = undefined;
    this.ended = ended;
    this.state = "out";
  }
}

/** The routes of the page's session, which are the gateway's and this page's affair, in no document. */
async function post(path: string, body?: object): Promise<Tokens> {
  const init: RequestInit = { method: "POST" };
  if (body) {
    init.body = JSON.stringify(body);
    init.headers = { "content-type": "application/json" };
  }
  const response = await fetch(path, init);
  if (response.status === 204) return { accessToken: "", expiresIn: 0 };
  const answer: unknown = await response.json();
  if (!response.ok) throw new ProblemError(answer as Problem);
  return answer as Tokens;
}

export const session = new Session();
