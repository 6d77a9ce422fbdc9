import { expect, test } from "vitest";

import { uuid } from "../../src/lib/ids";
import { Keyboard, KEYS } from "../../src/lib/keys";
import { fitting } from "../../src/lib/palette";
import { ruleOf } from "../../src/lib/recurrence";
import { length, reminderTimes } from "../../src/lib/reminders";
import { parse, path, type Route } from "../../src/lib/route";
import { excerpt, pieces } from "../../src/lib/text";
import { m } from "../../src/messages";

const press = (key: string, ctrlKey = false) => ({ key, ctrlKey, metaKey: false, altKey: false });

test("a path and its route are one", () => {
  const routes: Route[] = [
    { name: "today" },
    { name: "project", id: "01935f3e-0000-7000-8000-000000000000" },
    { name: "tag", tag: "waiting for / @ü" },
    { name: "search", q: "oat milk & \"x\"" },
    { name: "filter", id: null, f: "(p1 | overdue) & #home & due < +3d" },
    { name: "filter", id: "01935f3e-0000-7000-8000-000000000000", f: "" },
    { name: "settings", section: "sessions" },
  ];
  for (const route of routes) {
    const [at = "", query = ""] = path(route).split("?");
    expect(parse(at, query)).toEqual(route);
  }
  expect(parse("/nowhere")).toEqual({ name: "today" });
  expect(parse("/tag/%E0%A4%A")).toEqual({ name: "tag", tag: "%E0%A4%A" });
});

test("keys follow each other within a second and a half", () => {
  const keyboard = new Keyboard();
  expect(keyboard.read(press("g"), 0)).toBeUndefined();
  expect(keyboard.read(press("i"), 1000)).toBe("goInbox");
  keyboard.read(press("g"), 2000);
  expect(keyboard.read(press("i"), 4000)).toBeUndefined();
  keyboard.read(press("g"), 5000);
  expect(keyboard.read(press("x"), 5100)).toBe("complete");
  expect(keyboard.read(press("k", true), 6000)).toBe("palette");
  expect(keyboard.read(press("x", true), 6000)).toBeUndefined();
});

test("no two commands have one key, and each has its words", () => {
  const keys = KEYS.flatMap((each) => each.keys);
  expect(new Set(keys).size).toBe(keys.length);
  for (const { command } of KEYS) expect(m.keys.commands[command]).toBeTruthy();
});

test("pieces of a text are the text", () => {
  const text = "Buy oat milk 🥛 today";
  const spans = [{ start: 16, end: 21 }, { start: 4, end: 7 }, { start: 5, end: 9 }, { start: 20, end: 99 }];
  const found = pieces(text, spans);
  expect(found.map((piece) => piece.text).join("")).toBe(text);
  expect(found.filter((piece) => piece.span).map((piece) => piece.text)).toEqual(["oat", "today"]);
});

test("an excerpt begins before what was found", () => {
  const text = `${"word ".repeat(60)}needle and more`;
  const start = text.indexOf("needle");
  const cut = excerpt(text, [{ start, end: start + 6 }]);
  expect(cut.text.length).toBeLessThan(170);
  expect(cut.spans.map((span) => cut.text.slice(span.start, span.end))).toEqual(["needle"]);
});

test("ids are UUIDv7 and sort by their time", () => {
  const [a, b] = [uuid(1_796_000_000_000), uuid(1_796_000_000_001)];
  expect(a).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(a < b).toBe(true);
});

test("a rule fits the day on which it begins", () => {
  expect(ruleOf("weekly", "2026-11-30")).toEqual({ rrule: "FREQ=WEEKLY;BYDAY=MO" });
  expect(ruleOf("monthly", "2026-12-31")).toEqual({ rrule: "FREQ=MONTHLY;BYMONTHDAY=31", monthEnd: "lastDay" });
});

test("the palette finds beginnings of words", () => {
  expect(fitting("cafe str")("Café in the Straße")).toBe(true);
  expect(fitting("ent")("Pay rent")).toBe(false);
});

test("reminders of an all-day task count from nine", () => {
  const at = "2026-11-01T00:00:00Z";
  const reminders = [{ beforeSeconds: 3600 }, { at: "2026-12-01T06:00:00Z" }];
  const task = { id: "a", title: "a", description: "", priority: "P4", tags: [], position: "a", createdAt: at, updatedAt: at, version: 1 } as const;
  const times = reminderTimes({ ...task, tags: [], due: { date: "2026-12-01" }, reminders }, "Europe/Berlin");
  expect(times.map((time) => new Date(time).toISOString())).toEqual(["2026-12-01T07:00:00.000Z", "2026-12-01T06:00:00.000Z"]);
  expect(reminderTimes({ ...task, tags: [], completedAt: at, due: { date: "2026-12-01" }, reminders }, "UTC")).toEqual([]);
  expect(length(5_400)).toEqual({ unit: "minutes", count: 90 });
  expect(length(172_800)).toEqual({ unit: "days", count: 2 });
});
