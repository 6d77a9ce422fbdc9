import { expect, test } from "vitest";

import { Heights, runs } from "../../src/lib/window";

test("rows stand below those before them", () => {
  const tall = (index: number) => 20 + ((index * 7) % 13);
  for (const count of [0, 1, 2, 7, 64, 1000]) {
    const heights = new Heights(count, tall);
    const all = Array.from({ length: count }, (_, index) => tall(index));
    for (const index of [0, 3, 64, 500].filter((each) => each < count)) {
      all[index] = 99;
      heights.set(index, 99);
    }
    let top = 0;
    for (const [index, height] of all.entries()) {
      expect(heights.top(index)).toBe(top);
      expect(heights.at(top)).toBe(index);
      expect(heights.at(top + height - 0.5)).toBe(index);
      top += height;
    }
    expect(heights.top(count)).toBe(top);
    expect(heights.at(top + 1000)).toBe(Math.max(count - 1, 0));
    expect(heights.at(-1000)).toBe(0);
  }
});

test("a window and single rows become runs that do not touch", () => {
  expect(runs([10, 20], [], 100)).toEqual([[10, 20]]);
  expect(runs([10, 20], [0, 99], 100)).toEqual([[0, 2], [10, 20], [98, 100]]);
  expect(runs([10, 20], [20, 8], 100)).toEqual([[7, 22]]);
  expect(runs([10, 20], [50, 52], 100)).toEqual([[10, 20], [49, 54]]);
  // A list that became shorter than the window that it had.
  expect(runs([40, 60], [4], 5)).toEqual([[3, 5]]);
});
