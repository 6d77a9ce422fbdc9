/** The copy of a user's data on this device, and the writes that wait for a network: one IndexedDB for each user.
 *
 * Of the tabs of a user one keeps the copy and sends the writes; the others read it when they are opened. */
import type { Project, SavedFilter, Task } from "./api";
import type { Waiting } from "./queue.svelte";

/** All that a copy has. */
export interface Copy {
  tasks: Task[];
  projects: Project[];
  filters: SavedFilter[];
  /** What `GET /v1/sync` goes on from. */
  token: string | undefined;
}

/** What one page of `GET /v1/sync` changes in it. */
export interface Change extends Copy {
  /** What was there before is not. */
  reset: boolean;
  gone: { tasks: readonly string[]; projects: readonly string[]; filters: readonly string[] };
}

const PREFIX = "todostack-";
const LISTS = ["tasks", "projects", "filters"] as const;

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function ended(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export class Store {
  readonly #db: IDBDatabase;
  readonly #closed = new AbortController();
  /** This tab is the one that keeps the copy and sends what waits. */
  leads = false;

  private constructor(db: IDBDatabase) {
    this.#db = db;
    // Another tab wipes it.
    db.onversionchange = () => this.close();
  }

  /** The store of a user. None where the browser gives none, as on plain http: then nothing is kept. */
  static async open(user: string): Promise<Store | undefined> {
    // What cannot be wiped is not kept.
    if (!("locks" in navigator) || typeof globalThis.indexedDB?.databases !== "function") return undefined;
    try {
      const request = indexedDB.open(PREFIX + user, 1);
      request.onupgradeneeded = () => {
        for (const list of LISTS) request.result.createObjectStore(list, { keyPath: "id" });
        request.result.createObjectStore("meta");
        request.result.createObjectStore("waiting", { keyPath: "key" });
      };
      return new Store(await answer(request));
    } catch {
      // A private window, or no room: the page is what it is with a network.
      return undefined;
    }
  }

  /** Asks to be the tab that leads: at once where no other one does, or when that is gone. */
  lead(user: string, begin: () => void): Promise<void> {
    return new Promise((decided) => {
      const hold = async (): Promise<void> => {
        this.leads = true;
        decided();
        begin();
        await new Promise((resolve) => this.#closed.signal.addEventListener("abort", resolve));
        this.leads = false;
      };
      const name = PREFIX + user;
      const first = navigator.locks.request(name, { ifAvailable: true }, (lock) => (lock ? hold().then(() => true) : false));
      void first
        .then((led) => {
          decided();
          if (!led) return navigator.locks.request(name, { signal: this.#closed.signal }, hold);
        })
        .catch(() => undefined);
    });
  }

  async load(): Promise<Copy> {
    const transaction = this.#db.transaction([...LISTS, "meta"]);
    const all = <T>(list: string): Promise<T[]> => answer(transaction.objectStore(list).getAll() as IDBRequest<T[]>);
    const token = answer(transaction.objectStore("meta").get("token") as IDBRequest<string | undefined>);
    const [tasks, projects, filters] = await Promise.all([all<Task>("tasks"), all<Project>("projects"), all<SavedFilter>("filters")]);
    return { tasks, projects, filters, token: await token };
  }

  /** Keeps a change, whole or not at all. */
  async keep(change: Change): Promise<void> {
    if (!this.leads || this.#closed.signal.aborted) return;
    const transaction = this.#db.transaction([...LISTS, "meta"], "readwrite");
    for (const list of LISTS) {
      const store = transaction.objectStore(list);
      if (change.reset) store.clear();
      for (const each of change[list]) store.put(each);
      for (const id of change.gone[list]) store.delete(id);
    }
    transaction.objectStore("meta").put(change.token, "token");
    await ended(transaction);
  }

  async waiting(): Promise<Waiting[]> {
    const store = this.#db.transaction("waiting").objectStore("waiting");
    return (await answer(store.getAll() as IDBRequest<Waiting[]>)).sort((a, b) => a.at - b.at);
  }

  async wait(write: Waiting): Promise<void> {
    const transaction = this.#db.transaction("waiting", "readwrite");
    transaction.objectStore("waiting").put(write);
    await ended(transaction);
  }

  async waitNoMore(key: string): Promise<void> {
    const transaction = this.#db.transaction("waiting", "readwrite");
    transaction.objectStore("waiting").delete(key);
    await ended(transaction);
  }

  /** Forgets the copy, and keeps what waits to be sent. */
  async forget(): Promise<void> {
    const transaction = this.#db.transaction([...LISTS, "meta"], "readwrite");
    for (const list of [...LISTS, "meta"]) transaction.objectStore(list).clear();
    await ended(transaction);
  }

  close(): void {
    this.#closed.abort();
    this.#db.close();
  }
}

/** Forgets the copy of a user whose session has ended elsewhere; what waits is sent when the same one logs in again. */
export async function forget(user: string): Promise<void> {
  const store = await Store.open(user);
  await store?.forget().catch(() => undefined);
  store?.close();
}

/** Wipes what this device keeps of every user but one. */
export async function wipe(but?: string): Promise<void> {
  if (typeof globalThis.indexedDB?.databases !== "function") return;
  const all = await indexedDB.databases().catch(() => []);
  const others = all.flatMap(({ name }) => (name?.startsWith(PREFIX) && name !== PREFIX + but ? [name] : []));
  await Promise.all(others.map((name) => answer(indexedDB.deleteDatabase(name)).catch(() => undefined)));
}
