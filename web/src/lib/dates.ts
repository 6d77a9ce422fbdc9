/** Days and times in a user's zone. A day is `2026-11-30`; strings of that form compare as days do. */

export type Day = string;

/** When a task is due: a day, or a time of the clock in a zone. */
export interface Due {
  date?: string | null | undefined;
  dateTime?: string | null | undefined;
  timeZone?: string | null | undefined;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** A format, made once: making one takes far longer than using it. */
function format(locale: string | undefined, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify([locale, options]);
  let found = formats.get(key);
  if (found === undefined) {
    found = new Intl.DateTimeFormat(locale, options);
    formats.set(key, found);
  }
  return found;
}

/** Readings of clocks that were asked for: each list asks for those of all tasks again. */
const readings = new Map<string, string>();
const MOST_READINGS = 50_000;

/** The clock's reading of an instant in a zone, `2026-11-30T09:00`. */
export function localTime(instant: Date, zone: string): string {
  const key = `${instant.getTime()} ${zone}`;
  let reading = readings.get(key);
  if (reading === undefined) {
    reading = read(instant, zone);
    if (readings.size >= MOST_READINGS) readings.clear();
    readings.set(key, reading);
  }
  return reading;
}

function read(instant: Date, zone: string): string {
  const parts = format("en-CA", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(instant);
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? "";
  return `${part("year")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}`;
}

/** The day of an instant in a zone. */
export function dayOf(instant: Date, zone: string): Day {
  return localTime(instant, zone).slice(0, 10);
}

/** Noon in UTC of a day: a `Date` to be shown with `timeZone: "UTC"` only. */
function noon(day: Day): Date {
  return new Date(`${day}T12:00:00Z`);
}

/** The day so many days later. */
export function plusDays(day: Day, days: number): Day {
  const date = noon(day);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}

/** How many days lie between two. */
export function daysBetween(from: Day, to: Day): number {
  return Math.round((noon(to).getTime() - noon(from).getTime()) / 86_400_000);
}

/** 1 (Monday) to 7 (Sunday). */
export function weekday(day: Day): number {
  return noon(day).getUTCDay() || 7;
}

/** The day on which a task is due for a user of this zone, if it is due. */
export function dueDay(due: Due | null | undefined, dueAt: string | null | undefined, zone: string): Day | undefined {
  if (!due) return undefined;
  if (due.date) return due.date;
  if (dueAt) return dayOf(new Date(dueAt), zone);
  return due.dateTime?.slice(0, 10);
}

/** The time at which a task is due for a user of this zone, `09:00`; none for all day. */
export function dueTime(due: Due | null | undefined, dueAt: string | null | undefined, zone: string): string | undefined {
  if (!due?.dateTime) return undefined;
  return dueAt ? localTime(new Date(dueAt), zone).slice(11) : due.dateTime.slice(11, 16);
}

/** The words that a day near today has by itself. */
export interface DayWords {
  today: string;
  tomorrow: string;
  yesterday: string;
}

/** A day as people say it: Today, Friday, 3 Dec, 3 Dec 2027. */
export function sayDay(day: Day, today: Day, words: DayWords, locale?: string): string {
  const distance = daysBetween(today, day);
  if (distance === 0) return words.today;
  if (distance === 1) return words.tomorrow;
  if (distance === -1) return words.yesterday;
  if (distance > 1 && distance < 7) return format(locale, { timeZone: "UTC", weekday: "long" }).format(noon(day));
  const sameYear = day.slice(0, 4) === today.slice(0, 4);
  const options: Intl.DateTimeFormatOptions = { timeZone: "UTC", day: "numeric", month: "short" };
  if (!sameYear && Math.abs(distance) > 180) options.year = "numeric";
  return format(locale, options).format(noon(day));
}

/** A day as the heading of a list: Monday 30 November. */
export function sayLongDay(day: Day, locale?: string): string {
  return format(locale, { timeZone: "UTC", weekday: "long", day: "numeric", month: "long" }).format(noon(day));
}

/** A day with its year, where a list goes on into other ones: Mon 30 Nov 2026. */
export function sayDate(day: Day, locale?: string): string {
  return format(locale, { timeZone: "UTC", weekday: "short", day: "numeric", month: "short", year: "numeric" }).format(noon(day));
}

/** A month as the heading of a calendar: December 2026. */
export function sayMonth(day: Day, locale?: string): string {
  return format(locale, { timeZone: "UTC", month: "long", year: "numeric" }).format(noon(day));
}

/** The days of the week by their short names, Monday first. */
export function weekdayNames(width: "narrow" | "short" | "long", locale?: string): string[] {
  const monday = "2026-11-30";
  return [0, 1, 2, 3, 4, 5, 6].map((n) =>
    format(locale, { timeZone: "UTC", weekday: width }).format(noon(plusDays(monday, n))),
  );
}

/** A time of day as the locale writes it: 09:00, 9:00 AM. */
export function sayTime(time: string, locale?: string): string {
  return format(locale, { timeZone: "UTC", hour: "numeric", minute: "2-digit" }).format(
    new Date(`2026-01-01T${time}:00Z`),
  );
}

/** An instant with its day and time, in a zone. */
export function sayInstant(instant: string, zone: string, locale?: string): string {
  return format(locale, {
    timeZone: zone,
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "numeric",
    minute: "2-digit",
  }).format(new Date(instant));
}

/** The weeks of the month of a day, Monday first, with the days around it that fill them. */
export function monthGrid(day: Day): Day[][] {
  const first = `${day.slice(0, 7)}-01`;
  const start = plusDays(first, 1 - weekday(first));
  const rows: Day[][] = [];
  for (let row = 0; row < 6; row += 1) {
    const monday = plusDays(start, row * 7);
    if (row > 0 && monday.slice(0, 7) > day.slice(0, 7)) break;
    rows.push([0, 1, 2, 3, 4, 5, 6].map((n) => plusDays(monday, n)));
  }
  return rows;
}

/** The zone of this device. */
export function deviceZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** The instant of a clock's reading in a zone. One that the clock skips is read with the offset before it, of
 * one that it shows twice the first is meant (RFC 5545 §3.3.5). */
export function instantOf(local: string, zone: string): string {
  const wanted = Date.parse(`${local.slice(0, 16)}:00Z`);
  const offset = (at: number): number => Date.parse(`${localTime(new Date(at), zone)}:00Z`) - at;
  const before = wanted - offset(wanted - 86_400_000);
  const after = wanted - offset(wanted + 86_400_000);
  const right = [before, after].find((at) => at + offset(at) === wanted);
  return new Date(right ?? before).toISOString();
}

/** The instant until which a task is due. */
export function dueInstant(due: Due | null | undefined, zone: string): string | null {
  if (due?.dateTime) return instantOf(due.dateTime, due.timeZone ?? zone);
  return due?.date ? instantOf(`${due.date}T23:59`, zone) : null;
}
