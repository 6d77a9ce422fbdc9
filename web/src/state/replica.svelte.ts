/** The tasks, projects and saved filters of the user, kept as docs/sync.md says, with what is being written on top. */
import { dataOf } from "todostack-client";

import { type Change, Store } from "./store";
import { api, type Project, type SavedFilter, type Task } from "./api";

/** A write that the gateway has not answered yet. */
export interface Overlay {
  /** What it changes; `null`: it takes the task away. */
  change: Partial<Task> | null;
  /** The task that it makes, as long as the gateway has not told it. */
  makes?: Task;
}

const NO_SUBTASKS = { all: 0, done: 0 };

class Replica {
  /** All was read once, now or before this device was without a network. */
  ready = $state(false);
  /** All was read since the page was opened: what is not there is nowhere. */
  fresh = $state(false);

  #tasks = new Map<string, Task>();
  #projects = new Map<string, Project>();
  #filters = new Map<string, SavedFilter>();
  #overlays = new Map<string, Overlay[]>();
  #token: string | undefined;
  /** Goes up with every change of the maps, which are no signals themselves: thousands of them would be slow. */
  #version = $state(0);
  #store: Store | undefined;
  #syncing: Promise<void> | undefined;
  #again = false;

  #shown = $derived.by(() => {
    void this.#version;
    const shown = new Map<string, Task>();
    for (const [id, task] of this.#tasks) {
      const overlays = this.#overlays.get(id);
      const merged = overlays ? merge(task, overlays) : task;
      if (merged) shown.set(id, merged);
    }
    for (const [id, overlays] of this.#overlays) {
      const made = this.#tasks.has(id) ? undefined : overlays.find(({ makes }) => makes)?.makes;
      const merged = made && merge(made, overlays);
      if (merged) shown.set(id, merged);
    }
    return shown;
  });

  /** Every task, completed ones too, as the user has written them. */
  tasks = $derived([...this.#shown.values()]);

  /** How many subtasks each task has, and how many of them are completed. */
  #subtasks = $derived.by(() => {
    const counts = new Map<string, { all: number; done: number }>();
    for (const { parent, completedAt } of this.#shown.values()) {
      if (!parent) continue;
      const count = counts.get(parent) ?? { all: 0, done: 0 };
      count.all += 1;
      if (completedAt) count.done += 1;
      counts.set(parent, count);
    }
    return counts;
  });

  /** The projects that are not archived, in their order. */
  projects = $derived.by(() => {
    void this.#version;
    return [...this.#projects.values()]
      .filter((project) => !project.archivedAt)
      .sort((a, b) => (a.position < b.position ? -1 : 1));
  });

  /** The saved filters, by name. */
  filters = $derived.by(() => {
    void this.#version;
    return [...this.#filters.values()].sort((a, b) => a.name.localeCompare(b.name));
  });

  task(id: string): Task | undefined {
    return this.#shown.get(id);
  }

  subtasks(id: string): { all: number; done: number } {
    return this.#subtasks.get(id) ?? NO_SUBTASKS;
  }

  project(id: string): Project | undefined {
    void this.#version;
    return this.#projects.get(id);
  }

  filter(id: string): SavedFilter | undefined {
    void this.#version;
    return this.#filters.get(id);
  }

  /** A task as the gateway tells it. An older one than that which is known says nothing. */
  put(task: Task): void {
    const known = this.#tasks.get(task.id);
    if (known && known.version > task.version) return;
    this.#tasks.set(task.id, task);
    this.#keep({ tasks: [task] });
    this.#version += 1;
  }

  /** Keeps what was told apart from the changes that have a token: they tell it once more. */
  #keep(some: { tasks?: Task[]; projects?: Project[]; filters?: SavedFilter[]; gone?: Partial<Change["gone"]> }): void {
    if (this.#token === undefined) return;
    const gone = { tasks: [], projects: [], filters: [], ...some.gone };
    const change = { tasks: [], projects: [], filters: [], ...some, gone, reset: false, token: this.#token };
    void this.#store?.keep(change).catch(() => undefined);
  }

  putProject(project: Project): void {
    this.#projects.set(project.id, project);
    this.#keep({ projects: [project] });
    this.#version += 1;
  }

  putFilter(filter: SavedFilter): void {
    this.#filters.set(filter.id, filter);
    this.#keep({ filters: [filter] });
    this.#version += 1;
  }

  forgetFilter(id: string): void {
    this.#filters.delete(id);
    this.#keep({ gone: { filters: [id] } });
    this.#version += 1;
  }

  /** A task is gone. */
  forget(id: string): void {
    this.#tasks.delete(id);
    this.#keep({ gone: { tasks: [id] } });
    this.#version += 1;
  }

  /** Shows a write at once; the function that is returned takes it off again. */
  show(id: string, overlay: Overlay): () => void {
    this.#overlays.set(id, [...(this.#overlays.get(id) ?? []), overlay]);
    this.#version += 1;
    return () => {
      const left = (this.#overlays.get(id) ?? []).filter((each) => each !== overlay);
      if (left.length > 0) this.#overlays.set(id, left);
      else this.#overlays.delete(id);
      this.#version += 1;
    };
  }

  /** Begins with what this device keeps of a user; `led`: this tab is the one that keeps it. */
  async open(user: string, led: () => void): Promise<Store | undefined> {
    const store = await Store.open(user);
    if (!store) return undefined;
    await store.lead(user, () => {
      // It takes the place of another tab, which may have kept less or more than this one knows.
      if (this.ready) void this.#keepAll(store);
      led();
    });
    const copy = await store.load();
    for (const task of copy.tasks) this.#tasks.set(task.id, task);
    for (const project of copy.projects) this.#projects.set(project.id, project);
    for (const filter of copy.filters) this.#filters.set(filter.id, filter);
    this.#token = copy.token;
    this.#store = store;
    this.ready = copy.token !== undefined;
    this.#version += 1;
    return store;
  }

  async #keepAll(store: Store): Promise<void> {
    const all = { tasks: [...this.#tasks.values()], projects: [...this.#projects.values()], filters: [...this.#filters.values()] };
    const gone = { tasks: [], projects: [], filters: [] };
    await store.keep({ ...all, token: this.#token, reset: true, gone }).catch(() => undefined);
  }

  /** Reads what changed. Asked for again while it reads, it reads once more. */
  async sync(): Promise<void> {
    if (this.#syncing) {
      this.#again = true;
      return this.#syncing;
    }
    this.#syncing = this.#read();
    try {
      await this.#syncing;
    } finally {
      this.#syncing = undefined;
    }
  }

  async #read(): Promise<void> {
    let more: boolean;
    let first = true;
    do {
      this.#again = false;
      const query = this.#token === undefined ? { limit: 1000 } : { token: this.#token, limit: 1000 };
      const page = dataOf(await api.GET("/v1/sync", { params: { query } }));
      if (page.reset) {
        this.#tasks.clear();
        this.#projects.clear();
        this.#filters.clear();
      }
      for (const project of page.projects) this.#projects.set(project.id, project);
      for (const id of page.deletedProjects) this.#projects.delete(id);
      for (const task of page.tasks) {
        const known = this.#tasks.get(task.id);
        if (!known || known.version <= task.version) this.#tasks.set(task.id, task);
      }
      for (const id of page.deletedTasks) this.#tasks.delete(id);
      for (const filter of page.savedFilters) this.#filters.set(filter.id, filter);
      for (const id of page.deletedSavedFilters) this.#filters.delete(id);
      this.#token = page.token;
      const gone = { tasks: page.deletedTasks, projects: page.deletedProjects, filters: page.deletedSavedFilters };
      const { reset, tasks, projects, savedFilters: filters, token } = page;
      // Without room on the device the page is what it is with a network.
      await this.#store?.keep({ reset, tasks, projects, filters, gone, token }).catch(() => undefined);
      more = page.more;
      // Lists are made anew by this, which thousands of tasks in many pages need not be for each of them.
      if (!more || first) this.#version += 1;
      first = false;
    } while (more || this.#again);
    this.ready = true;
    this.fresh = true;
  }

  /** Another user, or none. */
  clear(): void {
    this.#tasks.clear();
    this.#projects.clear();
    this.#filters.clear();
    this.#overlays.clear();
    this.#token = undefined;
    this.#store?.close();
    this.#store = undefined;
    this.ready = false;
    this.fresh = false;
    this.#version += 1;
  }
}

function merge(task: Task, overlays: readonly Overlay[]): Task | undefined {
  let merged = task;
  for (const { change } of overlays) {
    if (change === null) return undefined;
    merged = { ...merged, ...change };
  }
  return merged;
}

export const replica = new Replica();
