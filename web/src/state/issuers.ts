/** Log-in at other issuers (OpenID Connect): the browser goes there, and comes back to `/login` with a code. */
import { type components, createClient, dataOf } from "todostack-client";

export type Issuer = components["schemas"]["ProviderView"];
export type Answer = components["schemas"]["Answer"];

/** What the gateway wants back with the code: of this tab alone, so that nobody logs it in by a link of theirs. */
const BEGUN = "todostack-authorization";

const client = createClient({ baseUrl: location.origin, token: () => undefined });

export async function issuers(): Promise<Issuer[]> {
  return dataOf(await client.GET("/v1/oidc/providers")).items;
}

/** Sends the browser to an issuer. */
export async function leaveFor(issuer: Issuer): Promise<void> {
  const begun = dataOf(
    await client.POST("/v1/oidc/providers/{name}/authorizations", {
      params: { path: { name: issuer.name } },
      body: { redirectUri: `${location.origin}/login` },
    }),
  );
  sessionStorage.setItem(BEGUN, begun.authorization);
  location.assign(begun.url);
}

/** What the browser has brought back from an issuer: what logs the user in, or why it does not; nothing when it
 * comes from nowhere. It is taken off the address, for a code is good once. */
export function broughtBack(): Answer | { error: string } | undefined {
  const query = new URLSearchParams(location.search);
  const [code, state, error] = ["code", "state", "error"].map((name) => query.get(name));
  const authorization = sessionStorage.getItem(BEGUN);
  if (!state || (!code && !error)) return undefined;
  sessionStorage.removeItem(BEGUN);
  history.replaceState(history.state, "", location.pathname);
  if (error || !code) return { error: query.get("error_description") ?? error ?? "" };
  // Begun in another tab, or by somebody else.
  return authorization ? { authorization, code, state } : { error: "" };
}
