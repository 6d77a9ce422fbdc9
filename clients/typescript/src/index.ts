/** A typed client of the todostack gateway: its OpenAPI document is `schema.ts`. */
import createFetchClient, { type Client as FetchClient } from "openapi-fetch";

import type { components, operations, paths } from "./schema.js";

export type { components, operations, paths } from "./schema.js";

type Schemas = components["schemas"];

/** A task, as the gateway answers with it. */
export type Task = Schemas["TaskView"];

/** Why a request was not done (RFC 9457). */
export type Problem = Schemas["Problem"];

/** Every operation of the gateway, by its method and path. */
export type Client = FetchClient<paths>;

export interface Options {
  /** Where the gateway is, such as `https://todo.example.com`. */
  baseUrl: string;
  /** The access or personal token of a request; absent: none is sent. Asked before each request, so that it
   * can be renewed. */
  token?: () => string | undefined | Promise<string | undefined>;
  /** Sends requests in the place of `globalThis.fetch`. */
  fetch?: (request: Request) => Promise<Response>;
}

/** A client of the gateway at `baseUrl`. */
export function createClient({ baseUrl, token, fetch }: Options): Client {
  const client = createFetchClient<paths>(fetch ? { baseUrl, fetch } : { baseUrl });
  client.use({
    async onRequest({ request }) {
      const secret = await token?.();
      if (secret !== undefined) {
        request.headers.set("authorization", `Bearer ${secret}`);
      }
      return request;
    },
  });
  return client;
}

/** What the gateway refused, as an error to throw. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(readonly problem: Problem) {
    super(problem.detail ?? problem.title);
  }
}

/** The data of an answer.
 *
 * @throws {ProblemError} when the gateway refused the request.
 */
export function dataOf<T>(answer: { data?: T; error?: Problem; response: Response }): T {
  if (answer.error !== undefined) {
    throw new ProblemError(answer.error);
  }
  // An answer without a body, such as 204, has no data: then T is undefined.
  return answer.data as T;
}

type ListQuery = NonNullable<operations["listTasks"]["parameters"]["query"]>;

/** Every task of a list, page by page.
 *
 * @throws {ProblemError} when the gateway refuses a page.
 */
export async function* tasks(client: Client, query: Omit<ListQuery, "cursor"> = {}): AsyncGenerator<Task> {
  let cursor: string | undefined;
  do {
    const params = { query: cursor === undefined ? query : { ...query, cursor } };
    const page = dataOf(await client.GET("/v1/tasks", { params }));
    yield* page.items;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}
