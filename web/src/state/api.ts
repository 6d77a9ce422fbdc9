/** The gateway's API, called as the user of the session. */
import { createClient, type components, ProblemError } from "todostack-client";

import { m } from "../messages";
import { connection } from "./connection.svelte";
import { session } from "./session.svelte";

export type Schemas = components["schemas"];
export type { Task } from "todostack-client";
export type Project = Schemas["ProjectView"];
export type SavedFilter = Schemas["SavedFilterView"];
export type TaskPatch = Schemas["TaskPatch"];

/** A request that did not reach the gateway, or whose answer did not come: it may have been done. */
export class Unreachable extends Error {
  constructor(readonly request: { method: string; path: string; headers: [string, string][]; body: string }) {
    super("the gateway was not reached");
  }
}

async function unreachable(request: Request): Promise<Unreachable> {
  const { pathname, search } = new URL(request.url);
  const headers = [...request.headers].filter(([name]) => name !== "authorization");
  return new Unreachable({ method: request.method, path: pathname + search, headers, body: await request.text() });
}

/** Whether a request changes what the copy has. */
function isWrite({ method, url, headers }: Request): boolean {
  const known = method === "PATCH" || method === "DELETE" || headers.has("idempotency-key");
  return known && /^\/v1\/(tasks|projects|filters)\b/.test(new URL(url).pathname);
}

/** Sends a request; with another token when the first was refused.
 *
 * @throws {Unreachable} without a network. */
export async function send(request: Request, withToken = false): Promise<Response> {
  const again = request.clone();
  const kept = request.clone();
  // Not before those that wait; the queue sends them itself, without a token.
  if (!withToken && connection.waiting > 0 && isWrite(request)) throw await unreachable(kept);
  try {
    if (withToken) request.headers.set("authorization", `Bearer ${(await session.token()) ?? ""}`);
    const response = await fetch(request);
    connection.online = true;
    if (response.status !== 401 || !(await session.refused())) return response;
    again.headers.set("authorization", `Bearer ${(await session.token()) ?? ""}`);
    return await fetch(again);
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    connection.online = false;
    throw await unreachable(kept);
  }
}

/** The token of a request. Without a network there is none, and the request says so when it is sent. */
const token = (): Promise<string | undefined> => session.token().catch(() => undefined);

export const api = createClient({ baseUrl: location.origin, token, fetch: (request) => send(request) });

/** Why something was not done, in words for people. */
export function reason(error: unknown): string {
  if (error instanceof ProblemError) {
    const [first] = error.problem.errors ?? [];
    return first?.detail ?? error.problem.detail ?? error.problem.title;
  }
  return m.undo.offline;
}
