/** Writes that wait for a network: in the order in which they were made, each sent once. */
import { ProblemError, type Problem } from "todostack-client";

import { conflicts, type Field } from "../lib/conflict";
import { m } from "../messages";
import { reason, send, type Task, type TaskPatch, Unreachable } from "./api";
import { connection } from "./connection.svelte";
import { type Overlay, replica } from "./replica.svelte";
import type { Store } from "./store";
import { toasts } from "./toasts.svelte";

/** An edit of a task, with what its author saw. */
export interface Edit {
  id: string;
  version: number;
  patch: TaskPatch;
  /** What the fields of the patch were. */
  before: TaskPatch;
}

/** A write that could not be sent. */
export interface Waiting {
  key: string;
  /** When it was made, in milliseconds. */
  at: number;
  /** What it is about, in the user's words. */
  what: string;
  request: { method: string; path: string; headers: [string, string][]; body: string };
  /** What it shows until it is done. */
  overlays: [string, Overlay][];
  edit?: Edit | undefined;
  /** The fields that somebody else has changed meanwhile: the user is asked. */
  conflict?: Field[];
}

/** Tried again so often while something waits, in milliseconds. */
const AGAIN = 10_000;

class Queue {
  items = $state.raw<Waiting[]>([]);
  #store: Store | undefined;
  #tabs: BroadcastChannel | undefined;
  #shown = new Map<string, (() => void)[]>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #sending: Promise<void> | undefined;
  /** Two of one millisecond keep their order. */
  #last = 0;

  constructor() {
    addEventListener("online", () => void this.flush());
  }

  /** Whether a write can wait here. */
  get ready(): boolean {
    return this.#store !== undefined;
  }

  async open(store: Store, user: string): Promise<void> {
    this.#store = store;
    this.#tabs = new BroadcastChannel(`todostack-${user}`);
    // Another tab has added one, or sent some.
    this.#tabs.onmessage = () => void replica.sync().catch(() => undefined).then(() => this.#read()).then(() => this.flush());
    this.#timer = setInterval(() => void this.flush(), AGAIN);
    await this.#read();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#tabs?.close();
    this.#tabs = this.#store = undefined;
    this.#show([]);
  }

  async add(what: string, unreachable: Unreachable, overlays: [string, Overlay][], edit?: Edit): Promise<void> {
    const at = Math.max(Date.now(), this.#last + 0.01);
    this.#last = at;
    const { request } = unreachable;
    const key = new Map(request.headers).get("idempotency-key") ?? crypto.randomUUID();
    await this.#store?.wait({ key, at, what, request, overlays, edit });
    await this.#changed();
    // It may only have waited for those before it.
    if (connection.online) void this.flush();
  }

  /** Sends what waits, in one tab, one after the other. */
  async flush(): Promise<void> {
    if (!this.#store?.leads || this.items.every((each) => each.conflict)) return;
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #send(): Promise<void> {
    const store = this.#store;
    if (!store) return;
    // Those of a task that the user is asked about wait for the answer.
    const held = new Set(this.items.filter((each) => each.conflict).flatMap(touched));
    let any = false;
    for (;;) {
      // The first that may be sent, as it is by now: one before it may have changed its version.
      const item = this.items.find((each) => !touched(each).some((id) => held.has(id)));
      if (!item) break;
      const outcome = await this.#try(item);
      if (outcome === "away") break;
      any = true;
      if (outcome === "done") await store.waitNoMore(item.key);
      else for (const id of touched(item)) held.add(id);
      await this.#read(true);
    }
    if (!any) return;
    // What was shown is taken off when the copy has it.
    await replica.sync().catch(() => undefined);
    await this.#changed();
  }

  async #try(item: Waiting): Promise<"done" | "away" | "asked"> {
    try {
      const task = await sendAgain(item);
      if (task?.version !== undefined) await this.#follow(item, task.version);
      return "done";
    } catch (error) {
      if (error instanceof Changed) {
        const asked = { ...item, conflict: error.fields };
        await this.#store?.wait(asked);
        return "asked";
      }
      // No network, or a gateway that cannot just now.
      if (!(error instanceof ProblemError) || later(error.problem)) return "away";
      toasts.add("failed", m.undo.refused(item.what, reason(error)));
      return "done";
    }
  }

  /** Later edits of the same task were made of what this one made. */
  async #follow(done: Waiting, version: number): Promise<void> {
    const [id] = touched(done);
    for (const item of this.items) {
      if (item.key !== done.key && item.edit?.id === id && item.edit) await this.#store?.wait({ ...item, edit: { ...item.edit, version } });
    }
  }

  /** The user has chosen: the own edit, or that of the others. */
  async decide(item: Waiting, mine: boolean): Promise<void> {
    const { conflict: _, edit, ...rest } = item;
    if (mine) await this.#store?.wait(rest);
    else await this.#store?.waitNoMore(item.key);
    await this.#changed();
    await this.flush();
  }

  async #changed(): Promise<void> {
    await this.#read();
    this.#tabs?.postMessage("changed");
  }

  async #read(keepShown = false): Promise<void> {
    const items = (await this.#store?.waiting()) ?? [];
    if (keepShown) this.#set(items);
    else this.#show(items);
  }

  #set(items: Waiting[]): void {
    this.items = items;
    connection.waiting = items.filter((each) => !each.conflict).length;
  }

  #show(items: Waiting[]): void {
    this.#set(items);
    const keys = new Set(items.map((each) => each.key));
    for (const [key, off] of this.#shown) {
      if (keys.has(key)) continue;
      for (const each of off) each();
      this.#shown.delete(key);
    }
    for (const { key, overlays } of items) {
      if (!this.#shown.has(key)) this.#shown.set(key, overlays.map(([id, overlay]) => replica.show(id, overlay)));
    }
    for (const item of items) if (item.conflict) this.#ask(item, item.conflict);
  }

  #ask(item: Waiting, fields: Field[]): void {
    const names = fields.map((field) => m.conflict.fields[field] ?? field).join(", ");
    const mine = { label: m.conflict.mine, run: () => this.decide(item, true) };
    const theirs = { label: m.conflict.theirs, run: () => this.decide(item, false) };
    toasts.add("conflict", m.conflict.text(item.what, names), [mine, theirs], `conflict ${item.key}`);
  }
}

/** The ids that a write is about. */
const touched = ({ overlays }: Waiting): string[] => overlays.map(([id]) => id);

/** A refusal that says to try later; of 409 that of a request which is still under way. */
const later = ({ status, detail }: Problem): boolean =>
  status >= 500 || status === 401 || status === 429 || (status === 409 && (detail ?? "").includes("under way"));

/** Somebody else has changed the same fields. */
class Changed extends Error {
  constructor(readonly fields: Field[]) {
    super("changed meanwhile");
  }
}

async function sendAgain({ request, edit }: Waiting): Promise<Task | undefined> {
  let version = edit?.version;
  for (;;) {
    const headers = new Headers(request.headers);
    if (version !== undefined) headers.set("if-match", `"${version}"`);
    const init: RequestInit = { method: request.method, headers };
    if (request.body !== "") init.body = request.body;
    const response = await ask(request.path, init);
    if (response.status === 412 && edit) {
      const current = (await dataFrom(await ask(`/v1/tasks/${edit.id}`))) as Task;
      const fields = conflicts(edit.patch, edit.before, current);
      if (fields.length > 0) throw new Changed(fields);
      version = current.version;
      continue;
    }
    return (await dataFrom(response)) as Task | undefined;
  }
}

const ask = (path: string, init?: RequestInit): Promise<Response> => send(new Request(path, init), true);

async function dataFrom(response: Response): Promise<unknown> {
  if (response.status === 204) return undefined;
  const data: unknown = await response.json();
  if (!response.ok) throw new ProblemError(data as Problem);
  return data;
}

export const queue = new Queue();
