/** Tasks that are selected, to be changed together. */
class Selection {
  ids = $state.raw<ReadonlySet<string>>(new Set());

  toggle(id: string): void {
    const next = new Set(this.ids);
    if (!next.delete(id)) next.add(id);
    this.ids = next;
  }

  clear(): void {
    this.ids = new Set();
  }
}

export const selection = new Selection();
