import { type Day, dayOf } from "../lib/dates";
import { session } from "./session.svelte";

/** The present, to within half a minute: views of today turn at the user's midnight. */
class Clock {
  now = $state(new Date());

  constructor() {
    const tick = (): void => {
      this.now = new Date();
    };
    setInterval(tick, 30_000);
    // Timers of a page that sleeps do not run.
    document.addEventListener("visibilitychange", tick);
  }

  /** The user's day. */
  get today(): Day {
    return dayOf(this.now, session.zone);
  }
}

export const clock = new Clock();
