import { expect, test } from "vitest";

import { complete, unfinished } from "../../src/lib/filter";

const NAMES = { projects: ["Home", "Home office", "Work"], tags: ["balcony", "bank", "say \"hi\""] };
const at = (text: string) => {
  const { start, options } = complete(text, text.length, NAMES);
  return options.map((option) => text.slice(0, start) + option);
};

test("names are completed, in quotes where they need them", () => {
  expect(at("p1 & #ho")).toEqual(["p1 & #Home", "p1 & #\"Home office\""]);
  expect(at("#\"home o")).toEqual(["#\"Home office\""]);
  expect(at("!@ba")).toEqual(["!@balcony", "!@bank"]);
  expect(at("@say")).toEqual(["@\"say \\\"hi\\\"\""]);
  expect(at("#nowhere")).toEqual([]);
});

test("words are completed where they may stand", () => {
  expect(at("ov")).toEqual(["overdue"]);
  expect(at("(p1 | to")).toEqual(["(p1 | today", "(p1 | tomorrow"]);
  expect(at("p1 and not re")).toEqual(["p1 and not recurring"]);
  expect(at("due < to")).toEqual(["due < today", "due < tomorrow"]);
  expect(at("created:-")).toEqual(["created:-7d"]);
  expect(at("has re")).toEqual(["has reminder"]);
  expect(at("due ")).toEqual(["due <", "due <=", "due >", "due >=", "due :"]);
  expect(at("p1 o")).toEqual(["p1 or"]);
});

test("who is still writing is not told what is missing", () => {
  for (const text of ["p1 & ", "(p1 |", "not", "due <", "has ", "p1 & #", "(p1 | p2) & !("]) expect(unfinished(text), text).toBe(true);
  for (const text of ["p1", "#no", "@or", "p1 & overdeu", "text: nor"]) expect(unfinished(text), text).toBe(false);
});

test("only what stands before the caret counts", () => {
  expect(complete("to & p1", 2, NAMES)).toEqual({ start: 0, options: ["today", "tomorrow"] });
});
