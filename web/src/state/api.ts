/** The gateway's API, called as the user of the session. */
import { createClient, type components, ProblemError } from "todostack-client";

import { m } from "../messages";
import { session } from "./session.svelte";

export type Schemas = components["schemas"];
export type { Task } from "todostack-client";
export type Project = Schemas["ProjectView"];
export type SavedFilter = Schemas["SavedFilterView"];
export type TaskPatch = Schemas["TaskPatch"];

/** Sends a request; with another token when the first was refused. */
async function send(request: Request): Promise<Response> {
  const again = request.clone();
  const response = await fetch(request);
  if (response.status !== 401 || !(await session.refused())) return response;
  again.headers.set("authorization", `Bearer ${(await session.token()) ?? ""}`);
  return fetch(again);
}

export const api = createClient({ baseUrl: location.origin, token: () => session.token(), fetch: send });

/** Why something was not done, in words for people. */
export function reason(error: unknown): string {
  if (error instanceof ProblemError) {
    const [first] = error.problem.errors ?? [];
    return first?.detail ?? error.problem.detail ?? error.problem.title;
  }
  return m.undo.offline;
}
