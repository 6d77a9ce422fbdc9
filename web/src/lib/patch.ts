/** Fields of a task that are objects. A merge patch (RFC 7396) goes into them, so whoever means a whole one takes
 * away what it has not. */
import type { components } from "todostack-client";

type Schemas = components["schemas"];

const NO_DUE = { date: null, dateTime: null, timeZone: null };

const NO_RECURRENCE = {
  basis: null,
  cron: null,
  exclude: null,
  include: null,
  late: null,
  monthEnd: null,
  overrides: null,
  preset: null,
  rrule: null,
  start: null,
  timeZone: null,
};

/** The patch of a due date that is this one and no other. */
export function wholeDue(due: Schemas["DueInput"]): Schemas["DueInput"] {
  return { ...NO_DUE, ...due };
}

/** The patch of a recurrence that is this one and no other. */
export function wholeRecurrence(recurrence: Schemas["Recurrence"]): Schemas["Recurrence"] {
  return { ...NO_RECURRENCE, ...recurrence };
}

/** The patch that puts back what a patch changes. */
export function inverse(task: Schemas["TaskView"], patch: Schemas["TaskPatch"]): Schemas["TaskPatch"] {
  const fields = Object.keys(patch) as (keyof Schemas["TaskPatch"])[];
  const back: Schemas["TaskPatch"] = Object.fromEntries(fields.map((field) => [field, task[field] ?? null]));
  if (back.due) back.due = wholeDue(back.due);
  if (back.recurrence) back.recurrence = wholeRecurrence(back.recurrence);
  return back;
}
