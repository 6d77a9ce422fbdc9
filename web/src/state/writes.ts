/** What a user does to tasks: shown at once, sent, put back with the reason when it is refused, and undone. */
import { dataOf } from "todostack-client";

import { dueInstant } from "../lib/dates";
import { uuid } from "../lib/ids";
import { inverse } from "../lib/patch";
import { m } from "../messages";
import { api, reason, Unreachable, type Schemas, type Task, type TaskPatch } from "./api";
import { type Edit, queue } from "./queue.svelte";
import { type Overlay, replica } from "./replica.svelte";
import { session } from "./session.svelte";
import { toasts } from "./toasts.svelte";

/** A key under which the gateway does a request once, however often it is sent. */
export const once = () => ({ "Idempotency-Key": uuid() });

/** Shows overlays while a write is sent. True: it was done, or will be when there is a network. */
export function write(what: string, overlays: [string, Overlay][], send: () => Promise<void>, edit?: Edit): Promise<boolean> {
  const done = attempt(what, overlays, send, edit).finally(() => pending.delete(done));
  pending.add(done);
  return done;
}

const pending = new Set<Promise<boolean>>();

// What is under way may have reached nobody yet, and waits nowhere: the browser asks before that is forgotten.
addEventListener("beforeunload", (event) => {
  if (pending.size > 0) event.preventDefault();
});

/** When what is being written is written: then the newest notice is that of the last write. */
export async function written(): Promise<void> {
  await Promise.allSettled(pending);
  await new Promise((resolve) => setTimeout(resolve));
}

async function attempt(what: string, overlays: [string, Overlay][], send: () => Promise<void>, edit?: Edit): Promise<boolean> {
  const off = overlays.map(([id, overlay]) => replica.show(id, overlay));
  try {
    await send();
    return true;
  } catch (error) {
    if (error instanceof Unreachable && queue.ready) {
      await queue.add(what, error, overlays, edit);
      return true;
    }
    toasts.add("failed", m.undo.refused(what, reason(error)));
    return false;
  } finally {
    // After the answer was put: what was shown does not flicker.
    for (const each of off) each();
  }
}

/** The open tasks below a task, all levels. */
export function below(task: Task): Task[] {
  const children = replica.tasks.filter((each) => each.parent === task.id && !each.completedAt);
  return children.flatMap((child) => [child, ...below(child)]);
}

export function offerUndo(text: string, run: () => unknown, key?: string): void {
  toasts.add("done", text, [{ label: m.undo.undo, run }], key);
}

export async function complete(task: Task): Promise<void> {
  const completedAt = new Date().toISOString();
  const tasks = [task, ...below(task)];
  const all: [string, Overlay][] = tasks.map((each) => [each.id, { change: { completedAt } }]);
  const done = write(task.title, all, async () => {
    const params = { path: { id: task.id }, header: once() };
    replica.put(dataOf(await api.POST("/v1/tasks/{id}/complete", { params })));
    if (all.length > 1) await replica.sync().catch(() => undefined);
  });
  if (!(await done)) return;
  offerUndo(m.undo.completed(task.title), async () => {
    // The task at the top first: its subtasks would reopen it.
    for (const each of tasks) await reopen(each);
  });
}

export async function reopen(task: Task): Promise<void> {
  await write(task.title, [[task.id, { change: { completedAt: null } }]], async () => {
    const params = { path: { id: task.id }, header: once() };
    replica.put(dataOf(await api.POST("/v1/tasks/{id}/reopen", { params })));
  });
}

export async function remove(task: Task): Promise<void> {
  const all: [string, Overlay][] = [task, ...below(task)].map((each) => [each.id, { change: null }]);
  const done = write(task.title, all, async () => {
    dataOf(await api.DELETE("/v1/tasks/{id}", { params: { path: { id: task.id } } }));
    for (const [id] of all) replica.forget(id);
  });
  if (await done) offerUndo(m.undo.deleted(task.title), () => restore(task));
}

async function restore(task: Task): Promise<void> {
  await write(task.title, [], async () => {
    const params = { path: { id: task.id }, header: once() };
    replica.put(dataOf(await api.POST("/v1/tasks/{id}/restore", { params })));
    await replica.sync().catch(() => undefined);
  });
}

/** Changes fields of a task. */
export async function edit(task: Task, patch: TaskPatch, undoable = true): Promise<boolean> {
  const send = async (): Promise<void> => {
    const params = { path: { id: task.id } };
    replica.put(dataOf(await api.PATCH("/v1/tasks/{id}", { params, body: patch })));
  };
  const saw = { id: task.id, version: task.version, patch, before: inverse(task, patch) };
  const done = write(task.title, [[task.id, { change: shown(patch) }]], send, saw);
  if (!(await done)) return false;
  if (undoable) offerUndo(m.undo.changed(task.title), () => edit(task, inverse(task, patch), false), `edit ${task.id}`);
  return true;
}

/** What a task shows while a patch is being written. */
export function shown(patch: TaskPatch): Partial<Task> {
  // A merge patch takes fields away by `null`; a task shows what it has without them.
  const change = { ...patch } as Partial<Task>;
  if (patch.description === null) change.description = "";
  if (patch.priority === null) change.priority = "P4";
  if (patch.reminders === null) change.reminders = [];
  if (patch.tags === null) change.tags = [];
  if ("due" in patch) change.dueAt = dueInstant(patch.due, session.zone);
  return change;
}

/** Makes a task, which is shown before it is made. */
export async function create(input: Schemas["TaskInput"]): Promise<boolean> {
  const body = { ...input, id: uuid() };
  const done = await write(input.title, [[body.id, { change: {}, makes: provisional(body) }]], async () => {
    replica.put(dataOf(await api.POST("/v1/tasks", { params: { header: once() }, body })));
  });
  if (!done) return false;
  offerUndo(m.undo.added(input.title), () => {
    const task = replica.task(body.id);
    if (task) void remove(task);
  }, "added");
  return true;
}

/** Makes a task of a line that could not be read: the gateway reads it when there is a network. */
export async function createUnread(line: string): Promise<void> {
  const body = { line, id: uuid() };
  await write(line, [[body.id, { change: {}, makes: provisional({ title: line, id: body.id }) }]], async () => {
    const { task } = dataOf(await api.POST("/v1/tasks/quick", { params: { header: once() }, body }));
    if (task) replica.put(task);
  });
}

/** A task as it will be, more or less, until the gateway tells. */
function provisional(input: Schemas["TaskInput"] & { id: string }): Task {
  const now = new Date().toISOString();
  return {
    id: input.id,
    title: input.title,
    description: input.description ?? "",
    priority: input.priority ?? "P4",
    tags: input.tags ?? [],
    // After every position: those begin with digits and letters.
    position: "~",
    due: input.due ?? null,
    dueAt: dueInstant(input.due, session.zone),
    parent: input.parent ?? null,
    project: input.project ?? null,
    recurrence: input.recurrence ?? null,
    reminders: input.reminders ?? [],
    createdAt: now,
    updatedAt: now,
    version: 0,
  };
}

/** Makes a project. */
export async function createProject(name: string, color: string | null): Promise<string | undefined> {
  const id = uuid();
  const done = await write(name, [], async () => {
    const body = { id, name, color };
    replica.putProject(dataOf(await api.POST("/v1/projects", { params: { header: once() }, body })));
  });
  return done ? id : undefined;
}
