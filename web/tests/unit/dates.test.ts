import { expect, test } from "vitest";

import { dayOf, daysBetween, dueDay, dueInstant, instantOf, monthGrid, plusDays, sayDate, sayDay, sayTime, weekday } from "../../src/lib/dates";

const WORDS = { today: "Today", tomorrow: "Tomorrow", yesterday: "Yesterday" };

test("a day is that of the zone", () => {
  const instant = new Date("2026-11-30T23:30:00Z");
  expect(dayOf(instant, "UTC")).toBe("2026-11-30");
  expect(dayOf(instant, "Europe/Berlin")).toBe("2026-12-01");
  expect(dayOf(instant, "America/Los_Angeles")).toBe("2026-11-30");
});

test("days are counted over ends of months and changes of clocks", () => {
  expect(plusDays("2026-02-28", 1)).toBe("2026-03-01");
  expect(plusDays("2028-02-28", 1)).toBe("2028-02-29");
  expect(daysBetween("2027-03-27", "2027-03-29")).toBe(2);
  expect(weekday("2026-11-30")).toBe(1);
  expect(weekday("2026-12-06")).toBe(7);
});

test("a clock's reading is an instant of its zone", () => {
  expect(instantOf("2026-12-01T09:00", "Europe/Berlin")).toBe("2026-12-01T08:00:00.000Z");
  expect(instantOf("2027-07-01T09:00", "Europe/Berlin")).toBe("2027-07-01T07:00:00.000Z");
  // Skipped: read with the offset before it (RFC 5545 §3.3.5).
  expect(instantOf("2027-03-28T02:30", "Europe/Berlin")).toBe("2027-03-28T01:30:00.000Z");
  // Shown twice: the first time.
  expect(instantOf("2027-10-31T02:30", "Europe/Berlin")).toBe("2027-10-31T00:30:00.000Z");
  expect(instantOf("2026-12-01T09:00", "Asia/Kolkata")).toBe("2026-12-01T03:30:00.000Z");
});

test("a task is due on a day of its user", () => {
  expect(dueDay({ date: "2026-12-01" }, "2026-12-01T22:59:59Z", "Asia/Tokyo")).toBe("2026-12-01");
  const due = { dateTime: "2026-12-01T23:00:00", timeZone: "America/New_York" };
  expect(dueDay(due, dueInstant(due, "UTC"), "Europe/Berlin")).toBe("2026-12-02");
  expect(dueDay(null, null, "UTC")).toBeUndefined();
});

test("days near today have names", () => {
  const say = (day: string) => sayDay(day, "2026-11-30", WORDS, "en-GB");
  expect(say("2026-11-30")).toBe("Today");
  expect(say("2026-11-29")).toBe("Yesterday");
  expect(say("2026-12-04")).toBe("Friday");
  expect(say("2026-12-07")).toBe("7 Dec");
  expect(say("2027-01-05")).toBe("5 Jan");
  expect(say("2028-01-05")).toBe("5 Jan 2028");
  expect(sayTime("16:30", "en-US").replace(/\s/u, " ")).toBe("4:30 PM");
});

test("a month has whole weeks", () => {
  const grid = monthGrid("2026-11-30");
  expect(grid[0]?.[0]).toBe("2026-10-26");
  expect(grid.at(-1)?.[0]).toBe("2026-11-30");
  expect(grid.every((row) => row.length === 7)).toBe(true);
});

test("a day of another year says which", () => {
  expect(sayDate("2027-01-01", "en-GB")).toBe("Fri, 1 Jan 2027");
  expect(sayDate("2027-01-01", "de")).toBe("Fr., 1. Jan. 2027");
});
