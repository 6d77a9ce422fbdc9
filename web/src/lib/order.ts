/** Where a task goes in a manual order, and where it will stand until the gateway tells. */
import type { Task } from "todostack-client";

export type Place =
  | { before: string }
  | { after: string }
  | { to: "first"; project: string | null; parent: string | null };

/** Comes after a position, and before whatever else comes after that: positions are of digits and letters. */
const NEXT = "!";

/** The place of a task, to bring it back there. `beside` is its list in order, itself in it. */
export function placeOf(task: Task, beside: readonly Task[]): Place {
  const previous = beside[beside.findIndex((each) => each.id === task.id) - 1];
  return previous
    ? { after: previous.id }
    : { to: "first", project: task.project ?? null, parent: task.parent ?? null };
}

/** What a task has at a place. */
export function placed(
  place: Place,
  find: (id: string) => Task | undefined,
  beside: (task: Task) => readonly Task[],
): Partial<Task> {
  if ("to" in place) return { position: "", project: place.project, parent: place.parent };
  const other = find("after" in place ? place.after : place.before);
  if (!other) return {};
  const list = { project: other.project ?? null, parent: other.parent ?? null };
  if ("after" in place) return { ...list, position: other.position + NEXT };
  const all = beside(other);
  const previous = all[all.findIndex((each) => each.id === other.id) - 1];
  return { ...list, position: previous ? previous.position + NEXT : "" };
}
