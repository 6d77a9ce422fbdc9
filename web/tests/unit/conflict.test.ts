import type { Task } from "todostack-client";
import { expect, test } from "vitest";

import { conflicts } from "../../src/lib/conflict";
import { inverse, wholeDue } from "../../src/lib/patch";

const at = "2026-11-01T00:00:00Z";
const saw: Task = {
  id: "a", title: "Rent", description: "", priority: "P4", tags: ["bank"], position: "a", reminders: [], createdAt: at, updatedAt: at, version: 1,
  due: { date: "2026-12-01" },
};

test("only what somebody else has changed to something else is asked about", () => {
  const patch = { title: "Pay rent", due: wholeDue({ date: "2026-12-02" }), tags: ["bank", "home"] };
  const before = inverse(saw, patch);
  expect(conflicts(patch, before, saw)).toEqual([]);
  expect(conflicts(patch, before, { ...saw, priority: "P1", description: "other fields", version: 4 })).toEqual([]);
  expect(conflicts(patch, before, { ...saw, title: "Rent of December" })).toEqual(["title"]);
  // The very same was done elsewhere: or it was this edit, whose answer was lost.
  expect(conflicts(patch, before, { ...saw, title: "Pay rent", due: { date: "2026-12-02" }, tags: ["bank", "home"] })).toEqual([]);
  expect(conflicts(patch, before, { ...saw, due: null, tags: [] })).toEqual(["due", "tags"]);
});
