/** Lines of the audit trail, whose shape the OpenAPI document leaves open. */

export interface Event {
  id: string;
  type: string;
  time: string;
  task?: string;
  title?: string;
  /** How late a reminder fired, in milliseconds. */
  late?: number;
  /** Why a reminder failed or was missed. */
  reason?: string;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** A line as an event; none where it is not one. */
export function eventOf(line: unknown): Event | undefined {
  if (!isRecord(line)) return undefined;
  const { eventId, type, time } = line;
  if (typeof eventId !== "string" || typeof type !== "string" || typeof time !== "string") return undefined;
  const event: Event = { id: eventId, type, time };
  const data = isRecord(line["data"]) ? line["data"] : {};
  const task = data["taskId"];
  if (typeof task === "string") event.task = task;
  const title = data["title"] ?? data["message"] ?? (isRecord(data["task"]) ? data["task"]["title"] : undefined);
  if (typeof title === "string") event.title = title;
  if (typeof data["latenessMs"] === "number" && type === "reminder.due") event.late = data["latenessMs"];
  if (typeof data["reason"] === "string") event.reason = data["reason"];
  return event;
}
