/** Short notices at the edge of the page, each with at most two things to do. */

export interface Action {
  label: string;
  run: () => unknown;
}

export interface Toast {
  id: number;
  kind: "done" | "failed" | "reminder" | "conflict";
  text: string;
  actions: Action[];
  /** A newer notice with the same key takes the place of this one. */
  key?: string | undefined;
}

/** How long a notice stays, in milliseconds. A reminder, and what is asked, stays until somebody takes it away. */
const STAYS = { done: 7_000, failed: 12_000 };

/** More at once would hide the page. */
const MOST = 3;

class Toasts {
  items = $state.raw<Toast[]>([]);
  #next = 1;
  #timers = new Map<number, ReturnType<typeof setTimeout>>();

  add(kind: Toast["kind"], text: string, actions: Action[] = [], key?: string): number {
    const id = this.#next;
    this.#next += 1;
    const others = this.items.filter((each) => key === undefined || each.key !== key);
    this.items = [...others, { id, kind, text, actions, key }].slice(-MOST);
    this.resume(id);
    return id;
  }

  remove(id: number): void {
    this.pause(id);
    this.items = this.items.filter((each) => each.id !== id);
  }

  /** Who points at a notice is reading it. */
  pause(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  resume(id: number): void {
    const kind = this.items.find((each) => each.id === id)?.kind;
    if (kind === undefined || kind === "reminder" || kind === "conflict") return;
    this.#timers.set(
      id,
      setTimeout(() => this.remove(id), STAYS[kind]),
    );
  }

  /** Does the first thing that the newest notice with one offers. */
  undo(): void {
    const last = this.items.findLast((each) => each.kind === "done" && each.actions.length > 0);
    if (!last) return;
    this.remove(last.id);
    last.actions[0]?.run();
  }
}

export const toasts = new Toasts();
