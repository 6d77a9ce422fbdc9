import { m } from "../messages";
import { push } from "./push.svelte";
import { queue } from "./queue.svelte";
import { session } from "./session.svelte";

/** Logs out, unless the user would rather keep what is not sent yet. */
export async function logOut(): Promise<void> {
  const waiting = queue.items.length;
  if (waiting > 0 && !confirm(m.login.lose(waiting))) return;
  void push.end().catch(() => undefined);
  await session.logOut();
}
