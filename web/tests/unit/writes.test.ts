import type { Task } from "todostack-client";
import { expect, test } from "vitest";

import { placed, placeOf } from "../../src/lib/order";
import { inverse, wholeDue } from "../../src/lib/patch";
import { eventOf } from "../../src/lib/trail";
import { byPosition } from "../../src/lib/views";

function task(id: string, position: string, fields: Partial<Task> = {}): Task {
  const at = "2026-11-01T00:00:00Z";
  return { id, title: id, description: "", priority: "P4", tags: [], position, reminders: [], createdAt: at, updatedAt: at, version: 1, ...fields };
}

test("a task that was moved stands there before the gateway tells", () => {
  const all = [task("a", "10"), task("b", "1000"), task("c", "2")].sort(byPosition);
  const order = (id: string, place: Parameters<typeof placed>[0]) => {
    const change = placed(place, (other) => all.find((each) => each.id === other), () => all);
    return all.map((each) => (each.id === id ? { ...each, ...change } : each)).sort(byPosition).map((each) => each.id).join("");
  };
  expect(order("c", { after: "a" })).toBe("acb");
  expect(order("c", { before: "a" })).toBe("cab");
  expect(order("a", { before: "c" })).toBe("bac");
  expect(order("a", { after: "c" })).toBe("bca");
  // And back again.
  for (const each of all) expect(order(each.id, placeOf(each, all))).toBe("abc");
});

test("an edit is put back whole", () => {
  const due = { dateTime: "2026-12-01T09:00:00", timeZone: "UTC" };
  const before = task("a", "1", { due, priority: "P2" });
  const patch = { due: wholeDue({ date: "2026-12-24" }), priority: "P1", recurrence: { rrule: "FREQ=DAILY" } } as const;
  expect(inverse(before, patch)).toEqual({ due: { date: null, ...due }, priority: "P2", recurrence: null });
});

test("a line of the trail is an event", () => {
  const data = { latenessMs: 7, message: "Water", taskId: "t" };
  const line = { eventId: "e", type: "reminder.due", time: "2026-11-30T15:39:18Z", data };
  expect(eventOf(line)).toEqual({ id: "e", type: "reminder.due", time: line.time, task: "t", title: "Water", late: 7 });
  expect(eventOf({ type: "x" })).toBeUndefined();
  expect(eventOf("x")).toBeUndefined();
});
