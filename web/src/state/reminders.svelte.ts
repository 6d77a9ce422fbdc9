/** Reminders that come while the page is open. The sync service tells changes of tasks only, so the page knows
 * the times from its copy, and asks at each of them what became of the reminders. */
import { dataOf } from "todostack-client";

import { reminderTimes } from "../lib/reminders";
import { m } from "../messages";
import { api, reason, type Schemas, type Task } from "./api";
import { replica } from "./replica.svelte";
import { session } from "./session.svelte";
import { toasts } from "./toasts.svelte";
import { complete } from "./writes";

/** A reminder fires within milliseconds of its time; asked so much later, and again while it has not. */
const AFTER = 250;
const AGAIN = [1_000, 3_000, 10_000];
/** What fired longer ago was seen elsewhere. */
const RECENT = 120_000;
/** The longest wait that a timer keeps well. */
const LONGEST = 6 * 3_600_000;

class Reminders {
  /** Times of reminders that were put off, by their task. */
  #putOff = new Map<string, number>();
  #shown = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Waits for the next time. Call it again when tasks change. */
  plan(tasks: readonly Task[]): void {
    clearTimeout(this.#timer);
    const now = Date.now();
    let next = now + LONGEST;
    for (const task of tasks) {
      const times = task.reminders.length > 0 ? reminderTimes(task, session.zone) : [];
      const later = this.#putOff.get(task.id);
      for (const at of later === undefined ? times : [...times, later]) if (at > now && at < next) next = at;
    }
    this.#timer = setTimeout(() => this.#ring(tasks, now, next), next - now + AFTER);
  }

  #ring(tasks: readonly Task[], from: number, to: number): void {
    for (const task of tasks) {
      const later = this.#putOff.get(task.id);
      const times = [...reminderTimes(task, session.zone), ...(later === undefined ? [] : [later])];
      if (times.some((at) => at > from && at <= to)) void this.#look(task, 0);
    }
    this.plan(tasks);
  }

  /** Asks what became of the reminders of a task, and shows those that have just fired. */
  async #look(task: Task, attempt: number): Promise<void> {
    const params = { path: { id: task.id } };
    const answer = await api.GET("/v1/tasks/{id}/reminders", { params }).catch(() => undefined);
    const fired = (answer?.data?.items ?? []).filter((each) => {
      return each.firedAt && Date.now() - Date.parse(each.firedAt) < RECENT;
    });
    const fresh = fired.filter((each) => !this.#shown.has(`${each.id} ${each.firedAt}`));
    for (const reminder of fresh) {
      this.#shown.add(`${reminder.id} ${reminder.firedAt}`);
      this.#show(task, reminder);
    }
    const pause = AGAIN[attempt];
    if (fresh.length === 0 && pause !== undefined) setTimeout(() => void this.#look(task, attempt + 1), pause);
  }

  #show(task: Task, reminder: Schemas["ReminderView"]): void {
    const done = { label: m.reminders.done, run: () => complete(replica.task(task.id) ?? task) };
    const snooze = { label: m.reminders.snooze, run: () => this.snooze(task, reminder.id, 10) };
    toasts.add("reminder", task.title, [done, snooze], `reminder ${reminder.id}`);
  }

  /** Puts a reminder off. */
  async snooze(task: Task, id: string, minutes: number): Promise<void> {
    try {
      const params = { path: { id } };
      const put = dataOf(await api.POST("/v1/reminders/{id}/snooze", { params, body: { minutes } }));
      this.#putOff.set(task.id, Date.parse(put.fireAt));
      this.plan(replica.tasks);
      toasts.add("done", m.reminders.snoozed(minutes));
    } catch (error) {
      toasts.add("failed", m.undo.refused(task.title, reason(error)));
    }
  }
}

export const reminders = new Reminders();
