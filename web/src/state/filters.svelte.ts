/** Saved filters, and which tasks a filter means: the gateway says that. */
import { dataOf } from "todostack-client";

import { unfinished } from "../lib/filter";
import { uuid } from "../lib/ids";
import { m } from "../messages";
import { api, reason, type SavedFilter, type Task } from "./api";
import { replica } from "./replica.svelte";
import { offerUndo, once, write } from "./writes";

/** A pause in typing, or between changes of tasks, that is worth a reading, in milliseconds. */
const PAUSE = 150;
/** Tasks of a page, and those that are shown at most. */
const PAGE = 200;
const MOST = 1_000;

/** The tasks that a filter means. */
export class FilterReader {
  error = $state("");
  /** There are more than are shown. */
  more = $state(false);
  /** The ids of the tasks, in their order; none until the first answer. */
  #ids = $state.raw<string[]>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  /** As the copy has them: the answer may be older than the last edit. */
  tasks = $derived((this.#ids ?? []).flatMap((id) => replica.task(id) ?? []));

  get ready(): boolean {
    return this.#ids !== undefined;
  }

  ask(filter: string, sort: Pick<SavedFilter, "sort" | "order"> = {}): void {
    clearTimeout(this.#timer);
    this.#asked += 1;
    const mine = this.#asked;
    if (unfinished(filter)) {
      this.error = "";
      return;
    }
    if (filter.trim() === "") {
      this.#ids = undefined;
      this.error = "";
      return;
    }
    this.#timer = setTimeout(async () => {
      try {
        const ids: string[] = [];
        let cursor: string | null | undefined;
        do {
          const query = { filter, limit: PAGE, ...chosen({ sort: sort.sort ?? "due", order: sort.order, cursor }) };
          const page = dataOf(await api.GET("/v1/tasks", { params: { query } }));
          ids.push(...page.items.map((task: Task) => task.id));
          cursor = page.nextCursor;
        } while (cursor && ids.length < MOST && mine === this.#asked);
        if (mine !== this.#asked) return;
        this.#ids = ids;
        this.more = Boolean(cursor);
        this.error = "";
      } catch (failure) {
        if (mine === this.#asked) this.error = reason(failure);
      }
    }, PAUSE);
  }
}

/** Without what is not said. */
function chosen<T extends object>(all: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value != null)) as { [K in keyof T]?: NonNullable<T[K]> };
}

/** Saves a filter; its id. None: it was refused, and the user told why. */
export async function saveFilter(filter: Pick<SavedFilter, "name" | "filter"> & Partial<SavedFilter>): Promise<string | undefined> {
  const { name, filter: text, sort = null, order = null, isFavorite = false } = filter;
  const body = { id: uuid(), name, filter: text, sort, order, isFavorite };
  const done = await write(name, [], async () => {
    replica.putFilter(dataOf(await api.POST("/v1/filters", { params: { header: once() }, body })));
  });
  return done ? body.id : undefined;
}

export async function changeFilter(filter: SavedFilter, change: Partial<Pick<SavedFilter, "name" | "filter">>): Promise<boolean> {
  return write(filter.name, [], async () => {
    replica.putFilter(dataOf(await api.PATCH("/v1/filters/{id}", { params: { path: { id: filter.id } }, body: change })));
  });
}

/** Deletes a saved filter; to undo it saves it anew, and `back` is told under which id. */
export async function removeFilter(filter: SavedFilter, back: (id: string) => void): Promise<boolean> {
  const done = await write(filter.name, [], async () => {
    dataOf(await api.DELETE("/v1/filters/{id}", { params: { path: { id: filter.id } } }));
    replica.forgetFilter(filter.id);
  });
  if (!done) return false;
  offerUndo(m.undo.deleted(filter.name), async () => {
    const id = await saveFilter(filter);
    if (id !== undefined) back(id);
  });
  return true;
}
