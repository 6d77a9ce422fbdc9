/** What can stand next in a filter: the language of docs/filters.md, as it is completed while it is typed. The gateway
 * alone reads it. */

export interface Names {
  projects: readonly string[];
  tags: readonly string[];
}

/** What may take the place of the text from `start` up to the caret. */
export interface Completion {
  start: number;
  options: string[];
}

const CONDITIONS = [
  "today", "tomorrow", "yesterday", "week", "overdue", "p1", "p2", "p3", "p4", "open", "done", "recurring", "subtask",
  "#", "@", "due", "created", "updated", "completed", "has", "no", "text:", "title:", "not", "all", "nothing",
];
const THINGS = ["due", "tags", "project", "reminder"];
const DATES = [
  "today", "tomorrow", "yesterday", "now", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
  "+3d", "+1w", "+1m", "-7d",
];
const COMPARISONS = ["<", "<=", ">", ">=", ":"];
const JOINTS = ["&", "|", "and", "or"];

/** Options that are shown at most. */
const MOST = 8;

/** A name with a sign before it that is being written, in quotes or not. */
const NAME = /([#@])(?:"((?:[^"\\]|\\.)*)|([^\s()&|!<>=:,"#@*\\]*))$/;
const DATE = /(?:^|[\s(!&|])(?:due|created|updated|completed)\s*(?:<=|>=|[<>:=])\s*([\w+-]*)$/i;
const COMPARED = /(?:^|[\s(!&|])(?:due|created|updated|completed)\s+([<>:=]?)$/i;
const THING = /(?:^|[\s(!&|])(?:has|no)\s+(\w*)$/i;
/** A word where a condition begins. */
const CONDITION = /(?:^|[(!&|]|\s(?:and|or|not)\s|^not\s)\s*(\w*)$/i;
const JOINT = /\s(\w*)$/;

export function complete(text: string, caret: number, names: Names): Completion {
  const before = text.slice(0, caret);
  const name = NAME.exec(before);
  if (name) {
    const typed = (name[2] ?? name[3] ?? "").replace(/\\(.)/g, "$1");
    const all = (name[1] === "#" ? names.projects : names.tags).map((each) => `${name[1]}${quoted(each)}`);
    const written = `${name[1]}${typed}`.toLowerCase();
    return options(name.index, all, (option) => option.replace(/^(.)"/, "$1").toLowerCase().startsWith(written));
  }
  for (const [pattern, words] of [[DATE, DATES], [THING, THINGS], [COMPARED, COMPARISONS], [CONDITION, CONDITIONS], [JOINT, JOINTS]] as const) {
    const found = pattern.exec(before);
    const typed = found?.[1]?.toLowerCase();
    if (typed !== undefined) return options(caret - typed.length, words, (word) => word.startsWith(typed) && word !== typed);
  }
  return { start: caret, options: [] };
}

function options(start: number, all: readonly string[], fits: (option: string) => boolean): Completion {
  return { start, options: all.filter(fits).slice(0, MOST) };
}

/** Whether a filter ends with something that another one follows: it is being written, and not wrong. */
export const unfinished = (text: string): boolean => /(?:[&|!(<>=:#@]|(?:^|[\s(!&|])(?:and|or|not|has|no))\s*$/i.test(text);

/** A value, in quotes where it needs them. */
export function quoted(value: string): string {
  return /^[^\s()&|!<>=:,"#@*\\]+$/.test(value) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
}
