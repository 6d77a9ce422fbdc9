import type { Task } from "todostack-client";
import { expect, test } from "vitest";

import { completed, nested, ofProject, tagCounts, today, upcoming } from "../../src/lib/views";

function task(id: string, fields: Partial<Task> = {}): Task {
  const at = "2026-11-01T00:00:00Z";
  return {
    id, title: id, description: "", priority: "P4", tags: [], position: id, reminders: [], createdAt: at, updatedAt: at,
    version: 1, ...fields,
  };
}

const due = (date: string): Partial<Task> => ({ due: { date }, dueAt: `${date}T23:59:59Z` });
const at = (instant: string): Partial<Task> => ({ due: { dateTime: instant, timeZone: "UTC" }, dueAt: `${instant}Z` });
const ids = (tasks: readonly Task[]) => tasks.map((each) => each.id);

test("today has what is overdue, then what is due", () => {
  const tasks = [
    task("tomorrow", due("2026-12-01")),
    task("whole day", due("2026-11-30")),
    task("late", due("2026-11-29")),
    task("morning", at("2026-11-30T09:00:00")),
    task("done", { ...due("2026-11-30"), completedAt: "2026-11-30T08:00:00Z" }),
    task("someday"),
  ];
  const groups = today(tasks, "2026-11-30", "UTC");
  expect(groups.map((group) => [group.key, ids(group.tasks)])).toEqual([
    ["overdue", ["late"]],
    ["2026-11-30", ["morning", "whole day"]],
  ]);
});

test("upcoming has each day, empty ones too, and what comes later", () => {
  const groups = upcoming([task("a", due("2026-12-01")), task("b", due("2027-06-01"))], "2026-11-30", "UTC", 3);
  expect(groups.map((group) => group.key)).toEqual(["2026-11-30", "2026-12-01", "2026-12-02", "later"]);
  expect(ids(groups[1]?.tasks ?? [])).toEqual(["a"]);
});

test("subtasks stand below their task, in manual order", () => {
  const tasks = ofProject([task("c", { parent: "a" }), task("b"), task("a"), task("d", { parent: "c" }), task("e", { parent: "gone" })], null);
  expect(nested(tasks).map((row) => [row.task.id, row.depth])).toEqual([["a", 0], ["c", 1], ["d", 2], ["b", 0], ["e", 0]]);
});

test("what was completed is grouped by its day, the newest first", () => {
  const done = (id: string, completedAt: string) => task(id, { completedAt });
  const tasks = [done("a", "2026-11-28T10:00:00Z"), done("b", "2026-11-30T10:00:00Z"), done("c", "2026-11-30T11:00:00Z")];
  const groups = completed(tasks, (each) => (each.completedAt ?? "").slice(0, 10), 2);
  expect(groups.map((group) => [group.key, ids(group.tasks)])).toEqual([["2026-11-30", ["c", "b"]]]);
});

test("tags are counted over open tasks", () => {
  const tasks = [task("a", { tags: ["x", "b"] }), task("b", { tags: ["x"] }), task("c", { tags: ["y"], completedAt: "2026-11-30T00:00:00Z" })];
  expect(tagCounts(tasks)).toEqual([["b", 1], ["x", 2]]);
});
