/** Rows of a list that are dragged to another place of it. The list listens, for all of its rows. */
import { move } from "./order";
import { replica } from "./replica.svelte";

/** What a drag of a task is called to other programs. */
const DRAGGED = "application/x-todostack-task";

/** The row in which something happens. */
export function rowOf(target: EventTarget | null): HTMLElement | undefined {
  return (target instanceof Element && target.closest<HTMLElement>("[data-row]")) || undefined;
}

/** The task of a row. */
export const taskOf = (row: HTMLElement | undefined): string | undefined => row?.dataset["row"];

class Drag {
  /** The task that is dragged. */
  task = $state<string>();
  /** Where it would go now. */
  over = $state.raw<{ task: string; side: "before" | "after" }>();

  readonly start = (event: DragEvent): void => {
    this.task = taskOf(rowOf(event.target));
    if (this.task !== undefined) event.dataTransfer?.setData(DRAGGED, this.task);
  };

  readonly move = (event: DragEvent): void => {
    const row = rowOf(event.target);
    const task = taskOf(row);
    if (!row || task === undefined || !event.dataTransfer?.types.includes(DRAGGED)) return;
    event.preventDefault();
    const { top, height } = row.getBoundingClientRect();
    const side = event.clientY < top + height / 2 ? "before" : "after";
    if (this.over?.task !== task || this.over.side !== side) this.over = { task, side };
  };

  readonly leave = (event: DragEvent): void => {
    if (!rowOf(event.relatedTarget)) this.over = undefined;
  };

  readonly drop = (event: DragEvent): void => {
    const dragged = replica.task(event.dataTransfer?.getData(DRAGGED) ?? "");
    const { over } = this;
    this.over = undefined;
    if (!dragged || !over || over.task === dragged.id) return;
    event.preventDefault();
    void move(dragged, over.side === "before" ? { before: over.task } : { after: over.task });
  };

  readonly end = (): void => {
    this.task = undefined;
    this.over = undefined;
  };
}

export const drag = new Drag();
