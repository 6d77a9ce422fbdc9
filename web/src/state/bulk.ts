/** One change of many tasks, in one request. */
import { dataOf } from "todostack-client";

import { inverse } from "../lib/patch";
import { m } from "../messages";
import { api, type Schemas, type Task, type TaskPatch } from "./api";
import { type Overlay, replica } from "./replica.svelte";
import { toasts } from "./toasts.svelte";
import { below, offerUndo, once, shown, write } from "./writes";

type Operation = Schemas["Operation"];
export type Change = { op: "complete" } | { op: "delete" } | { op: "patch"; patch: TaskPatch };

/** The gateway takes so many at once. */
const MOST = 500;

/** Changes tasks; the notice offers to undo it. */
export async function changeAll(tasks: readonly Task[], change: Change): Promise<void> {
  const some = tasks.slice(0, MOST);
  const operations = some.map((task): Operation => ({ ...change, id: task.id }));
  if (await send(operations, some.flatMap((task) => overlays(task, change)))) {
    const back = some.map((task) => opposite(task, change));
    offerUndo(m.undo.changedMany(some.length), () => send(back, []));
  }
}

function overlays(task: Task, change: Change): [string, Overlay][] {
  if (change.op === "patch") return [[task.id, { change: shown(change.patch) }]];
  const overlay: Overlay = { change: change.op === "delete" ? null : { completedAt: new Date().toISOString() } };
  return [task, ...below(task)].map((each) => [each.id, overlay]);
}

function opposite(task: Task, change: Change): Operation {
  const { id } = task;
  if (change.op === "patch") return { op: "patch", id, patch: inverse(task, change.patch) };
  return change.op === "delete" ? { op: "restore", id } : { op: "reopen", id };
}

async function send(operations: Operation[], shownAtOnce: [string, Overlay][]): Promise<boolean> {
  return write(m.undo.many(operations.length), shownAtOnce, async () => {
    const answer = dataOf(await api.POST("/v1/tasks/bulk", { params: { header: once() }, body: { operations } }));
    await replica.sync().catch(() => undefined);
    const refused = answer.items.filter((item) => item.status >= 400);
    const [first] = refused;
    if (first?.body && "detail" in first.body) {
      toasts.add("failed", m.undo.refused(m.undo.many(refused.length), first.body.detail ?? ""));
    }
  });
}
