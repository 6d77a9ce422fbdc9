/** Which rows of a long list are made: those that are seen, and those around them. */

/** Where the rows of a list stand, by their heights: a Fenwick tree, so that nothing takes longer than log n. */
export class Heights {
  readonly count: number;
  #heights: Float64Array;
  #sums: Float64Array;

  constructor(count: number, heightOf: (index: number) => number) {
    this.count = count;
    this.#heights = Float64Array.from({ length: count }, (_, index) => heightOf(index));
    this.#sums = new Float64Array(count + 1);
    for (let at = 1; at <= count; at += 1) {
      this.#add(at, this.#heights[at - 1] ?? 0);
      const up = at + (at & -at);
      if (up <= count) this.#add(up, this.#sums[at] ?? 0);
    }
  }

  /** A row was measured. */
  set(index: number, height: number): void {
    const more = height - (this.#heights[index] ?? height);
    if (more === 0) return;
    this.#heights[index] = height;
    for (let at = index + 1; at <= this.count; at += at & -at) this.#add(at, more);
  }

  /** How far below the top of the list a row begins; of the row after the last: how tall the list is. */
  top(index: number): number {
    let sum = 0;
    for (let at = index; at > 0; at -= at & -at) sum += this.#sums[at] ?? 0;
    return sum;
  }

  /** The row at a distance from the top of the list; the first one above it, the last one below it. */
  at(distance: number): number {
    let row = 0;
    let left = distance;
    for (let step = 2 ** Math.floor(Math.log2(Math.max(this.count, 1))); step >= 1; step /= 2) {
      const sum = this.#sums[row + step];
      if (sum === undefined || sum > left) continue;
      row += step;
      left -= sum;
    }
    return Math.max(Math.min(row, this.count - 1), 0);
  }

  #add(at: number, more: number): void {
    this.#sums[at] = (this.#sums[at] ?? 0) + more;
  }
}

/** Rows from one up to another, which is not among them. */
export type Run = readonly [from: number, to: number];

/** The runs of rows to be made: a window, and single rows with the ones beside them; in order, none touching. */
export function runs(window: Run, single: readonly number[], count: number): Run[] {
  const all = [window, ...single.map((index): Run => [index - 1, index + 2])];
  const found: [number, number][] = [];
  for (const [from, to] of all.sort((a, b) => a[0] - b[0])) {
    const [first, end] = [Math.max(from, 0), Math.min(to, count)];
    const last = found.at(-1);
    if (last && first <= last[1]) last[1] = Math.max(last[1], end);
    else if (first < end) found.push([first, end]);
  }
  return found;
}
