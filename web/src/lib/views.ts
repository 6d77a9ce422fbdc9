/** What each list of the page shows, and in which groups: pure functions of the tasks. */
import type { Task } from "todostack-client";

import { type Day, dueDay, plusDays } from "./dates";

/** Some tasks under a heading. */
export interface Group {
  key: string;
  /** The day that it is about, if it is about one. */
  day?: Day;
  kind: "plain" | "overdue" | "day" | "later";
  tasks: Task[];
}

/** A task with its depth below the task at its top. */
export interface Row {
  task: Task;
  depth: number;
}

export const isOpen = (task: Task): boolean => !task.completedAt;

/** Byte by byte, as the gateway compares positions. */
export function byPosition(a: Task, b: Task): number {
  return a.position < b.position ? -1 : a.position > b.position ? 1 : a.id < b.id ? -1 : 1;
}

/** Times first as they come, then what is due all day by its priority, then the manual order. */
export function byDue(a: Task, b: Task): number {
  const at = (a.dueAt ?? "9999").localeCompare(b.dueAt ?? "9999");
  return at || a.priority.localeCompare(b.priority) || byPosition(a, b);
}

/** The open tasks of the inbox (null) or a project, in manual order. */
export function ofProject(tasks: readonly Task[], project: string | null): Task[] {
  return tasks.filter((task) => isOpen(task) && (task.project ?? null) === project).sort(byPosition);
}

/** The open tasks with a tag. */
export function ofTag(tasks: readonly Task[], tag: string): Task[] {
  return tasks.filter((task) => isOpen(task) && task.tags.includes(tag)).sort(byDue);
}

/** Overdue, and due today. */
export function today(tasks: readonly Task[], day: Day, zone: string): Group[] {
  const overdue: Task[] = [];
  const due: Task[] = [];
  for (const task of tasks) {
    const on = isOpen(task) ? dueDay(task.due, task.dueAt, zone) : undefined;
    if (on === undefined || on > day) continue;
    (on < day ? overdue : due).push(task);
  }
  const groups: Group[] = [];
  if (overdue.length > 0) groups.push({ key: "overdue", kind: "overdue", tasks: overdue.sort(byDue) });
  if (due.length > 0) groups.push({ key: day, day, kind: "day", tasks: due.sort(byDue) });
  return groups;
}

/** From tomorrow on: each of so many days, then what comes later. What is overdue comes first. */
export function upcoming(tasks: readonly Task[], day: Day, zone: string, days = 14): Group[] {
  const overdue: Task[] = [];
  const later: Task[] = [];
  const byDay = new Map<Day, Task[]>();
  const end = plusDays(day, days);
  for (let on = day; on < end; on = plusDays(on, 1)) byDay.set(on, []);
  for (const task of tasks) {
    const on = isOpen(task) ? dueDay(task.due, task.dueAt, zone) : undefined;
    if (on === undefined) continue;
    if (on < day) overdue.push(task);
    else (byDay.get(on) ?? later).push(task);
  }
  const groups: Group[] = [];
  if (overdue.length > 0) groups.push({ key: "overdue", kind: "overdue", tasks: overdue.sort(byDue) });
  for (const [on, due] of byDay) groups.push({ key: on, day: on, kind: "day", tasks: due.sort(byDue) });
  if (later.length > 0) groups.push({ key: "later", kind: "later", tasks: later.sort(byDue) });
  return groups;
}

/** What was completed, the newest first, by the day of its completion. */
export function completed(tasks: readonly Task[], dayOfCompletion: (task: Task) => Day, most: number): Group[] {
  const done = tasks
    .filter((task) => !isOpen(task))
    .sort((a, b) => (b.completedAt ?? "").localeCompare(a.completedAt ?? ""))
    .slice(0, most);
  const groups: Group[] = [];
  for (const task of done) {
    const day = dayOfCompletion(task);
    const last = groups.at(-1);
    if (last?.day === day) last.tasks.push(task);
    else groups.push({ key: day, day, kind: "day", tasks: [task] });
  }
  return groups;
}

/** Subtasks below the task that they are part of, where that is in the list too. */
export function nested(tasks: readonly Task[]): Row[] {
  const ids = new Set(tasks.map((task) => task.id));
  const children = new Map<string, Task[]>();
  const tops: Task[] = [];
  for (const task of tasks) {
    if (task.parent && ids.has(task.parent)) {
      const siblings = children.get(task.parent);
      if (siblings) siblings.push(task);
      else children.set(task.parent, [task]);
    } else tops.push(task);
  }
  const rows: Row[] = [];
  const add = (task: Task, depth: number): void => {
    rows.push({ task, depth });
    for (const child of children.get(task.id) ?? []) add(child, depth + 1);
  };
  for (const task of tops) add(task, 0);
  return rows;
}

/** The tags of open tasks with how many have them, by name. */
export function tagCounts(tasks: readonly Task[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const task of tasks) {
    if (!isOpen(task)) continue;
    for (const tag of task.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  }
  return [...counts].sort(([a], [b]) => a.localeCompare(b));
}
