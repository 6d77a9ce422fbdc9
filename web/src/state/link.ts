import { dataOf } from "todostack-client";

import { m } from "../messages";
import { api } from "./api";
import type { Back } from "./issuers";
import { attempt } from "./loaded.svelte";
import { toasts } from "./toasts.svelte";

/** Links what the browser has brought back from an issuer to the account. */
export async function link({ answer, why }: Back): Promise<void> {
  const what = m.settings.identities;
  if (!answer) {
    toasts.add("failed", `${what}: ${why}`);
    return;
  }
  const linked = await attempt(what, async () => dataOf(await api.POST("/v1/me/identities", { body: answer })));
  if (linked) toasts.add("done", m.settings.identityAdded);
}
