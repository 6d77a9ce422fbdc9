/** The manual order of a list: by dragging, and by the keyboard. */
import { dataOf } from "todostack-client";

import { type Place, placed, placeOf } from "../lib/order";
import { byPosition, isOpen } from "../lib/views";
import { m } from "../messages";
import { api, type Task } from "./api";
import { replica } from "./replica.svelte";
import { offerUndo, once, write } from "./writes";

/** The open tasks beside a task: of the same project and the same parent. */
function beside(task: Task): Task[] {
  return replica.tasks
    .filter((each) => isOpen(each) && (each.project ?? null) === (task.project ?? null) && (each.parent ?? null) === (task.parent ?? null))
    .sort(byPosition);
}

async function send(task: Task, place: Place): Promise<boolean> {
  const change = placed(place, (id) => replica.task(id), beside);
  return write(task.title, [[task.id, { change }]], async () => {
    const params = { path: { id: task.id }, header: once() };
    replica.put(dataOf(await api.POST("/v1/tasks/{id}/move", { params, body: place })));
  });
}

/** Puts a task before or after another one, into its list. */
export async function move(task: Task, place: Place): Promise<void> {
  const back = placeOf(task, beside(task));
  if (await send(task, place)) offerUndo(m.undo.moved(task.title), () => send(task, back), `move ${task.id}`);
}

/** Puts a task one place further up or down among those beside it. */
export function step(task: Task, by: 1 | -1): void {
  const all = beside(task);
  const other = all[all.findIndex((each) => each.id === task.id) + by];
  if (other) void move(task, by === 1 ? { after: other.id } : { before: other.id });
}
