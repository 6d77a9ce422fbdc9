/** Rules that are chosen from a list: RFC 5545 rules for the day on which a task is due. */
import { type Day, weekday } from "./dates";

export type Preset = "daily" | "weekdays" | "weekly" | "monthly" | "yearly";

export const PRESETS: readonly Preset[] = ["daily", "weekdays", "weekly", "monthly", "yearly"];

const DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/** What a task has as its recurrence by a preset. */
export interface Rule {
  rrule: string;
  monthEnd?: string;
}

/** The rule of a preset for a task that is due on this day. */
export function ruleOf(preset: Preset, day: Day): Rule {
  switch (preset) {
    case "daily":
      return { rrule: "FREQ=DAILY" };
    case "weekdays":
      return { rrule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR" };
    case "weekly":
      return { rrule: `FREQ=WEEKLY;BYDAY=${DAYS[weekday(day) - 1]}` };
    case "monthly": {
      const rrule = `FREQ=MONTHLY;BYMONTHDAY=${Number(day.slice(8))}`;
      // People who ask for the 31st of each month want the 30th of April.
      return Number(day.slice(8)) > 28 ? { rrule, monthEnd: "lastDay" } : { rrule };
    }
    case "yearly":
      return { rrule: "FREQ=YEARLY" };
  }
}
