/** When the reminders of a task come. */
import type { Task } from "todostack-client";

import { instantOf } from "./dates";

/** Reminders of an all-day task count from this time (docs/quick-add.md). */
const ALL_DAY = "09:00";

/** The times of a task's reminders, in milliseconds; not those that were put off. */
export function reminderTimes(task: Task, zone: string): number[] {
  if (task.completedAt) return [];
  const { due } = task;
  const base = due?.dateTime
    ? Date.parse(instantOf(due.dateTime, due.timeZone ?? zone))
    : due?.date
      ? Date.parse(instantOf(`${due.date}T${ALL_DAY}`, zone))
      : undefined;
  return task.reminders.flatMap(({ at, beforeSeconds }) => {
    if (at) return [Date.parse(at)];
    return base === undefined ? [] : [base - (beforeSeconds ?? 0) * 1000];
  });
}

/** A length of time in its largest whole unit. */
export function length(seconds: number): { unit: "minutes" | "hours" | "days"; count: number } {
  if (seconds > 0 && seconds % 86_400 === 0) return { unit: "days", count: seconds / 86_400 };
  if (seconds > 0 && seconds % 3_600 === 0) return { unit: "hours", count: seconds / 3_600 };
  return { unit: "minutes", count: Math.round(seconds / 60) };
}
