/** Log-in at other issuers (OpenID Connect): the browser goes there, and comes back to `/login` with a code. */
import { type components, createClient, dataOf } from "todostack-client";

export type Issuer = components["schemas"]["ProviderView"];
export type Answer = components["schemas"]["Answer"];

/** What for the browser goes there: to log in here, or to link that log-in to the account. */
export type Purpose = "logIn" | "link";

/** What the gateway wants back with the code, and the purpose: of this tab alone, so that nobody logs it in by a link
 * of theirs. */
const BEGUN = "todostack-authorization";

const client = createClient({ baseUrl: location.origin, token: () => undefined });

export async function issuers(): Promise<Issuer[]> {
  return dataOf(await client.GET("/v1/oidc/providers")).items;
}

/** Sends the browser to an issuer. */
export async function leaveFor(issuer: Issuer, purpose: Purpose): Promise<void> {
  const begun = dataOf(
    await client.POST("/v1/oidc/providers/{name}/authorizations", {
      params: { path: { name: issuer.name } },
      body: { redirectUri: `${location.origin}/login` },
    }),
  );
  sessionStorage.setItem(BEGUN, JSON.stringify([purpose, begun.authorization]));
  location.assign(begun.url);
}

/** What the browser has brought back from an issuer. */
export interface Back {
  purpose: Purpose;
  /** What the gateway takes; absent: the user was not let in there. */
  answer?: Answer;
  /** Why, where the issuer says so. */
  why: string;
}

/** What the browser has brought back from an issuer; nothing when it comes from nowhere. It is taken off the address,
 * for a code is good once. */
export function broughtBack(): Back | undefined {
  const query = new URLSearchParams(location.search);
  const [code, state, error] = ["code", "state", "error"].map((name) => query.get(name));
  if (!state || (!code && !error)) return undefined;
  const begun = sessionStorage.getItem(BEGUN);
  sessionStorage.removeItem(BEGUN);
  history.replaceState(history.state, "", location.pathname);
  // Not there: begun in another tab, or by somebody else.
  const [purpose, authorization] = begun ? (JSON.parse(begun) as [Purpose, string]) : (["logIn", ""] as const);
  const why = query.get("error_description") ?? error ?? "";
  return code && authorization ? { purpose, answer: { authorization, code, state }, why } : { purpose, why };
}
