import { reason } from "./api";
import { toasts } from "./toasts.svelte";

/** Something that is read when it is looked at, and again after it was changed. */
export class Loaded<T> {
  data = $state.raw<T>();
  error = $state("");
  #read: () => Promise<T>;

  constructor(read: () => Promise<T>) {
    this.#read = read;
    void this.load();
  }

  async load(): Promise<void> {
    try {
      this.data = await this.#read();
      this.error = "";
    } catch (failure) {
      this.error = reason(failure);
    }
  }

  /** Does something, then reads again. What it gave; none when it was refused, and the user told why. */
  async after<R>(what: string, act: () => Promise<R>): Promise<R | undefined> {
    const done = await attempt(what, act);
    await this.load();
    return done;
  }
}

/** Does something; tells the user when it is refused. */
export async function attempt<R>(what: string, act: () => Promise<R>): Promise<R | undefined> {
  try {
    return await act();
  } catch (failure) {
    toasts.add("failed", `${what}: ${reason(failure)}`);
    return undefined;
  }
}
