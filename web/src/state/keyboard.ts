/** Carries out what keys ask for. Where one is in a list is where the focus is: nothing else to keep. */
import { type Command, Keyboard } from "../lib/keys";
import { step as moveBy } from "./order";
import { replica } from "./replica.svelte";
import { router } from "./router.svelte";
import type { Task } from "./api";
import { selection } from "./selection.svelte";
import { toasts } from "./toasts.svelte";
import { ui } from "./ui.svelte";
import { complete, edit, remove, reopen, written } from "./writes";

const keyboard = new Keyboard();

const rows = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>("#main [data-task]")];

function currentRow(): HTMLElement | undefined {
  return document.activeElement?.closest("li")?.querySelector<HTMLElement>("[data-task]") ?? undefined;
}

function currentTask(): Task | undefined {
  const id = currentRow()?.dataset["task"] ?? router.task;
  return id === undefined ? undefined : replica.task(id);
}

function inView(row: HTMLElement): boolean {
  const { top, bottom } = row.getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
}

function step(by: 1 | -1): void {
  const all = rows();
  const current = currentRow();
  const at = current ? all.indexOf(current) : -1;
  const next = at === -1 ? (by === 1 ? all.find(inView) : all.findLast(inView)) : all[at + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

/** The focus goes to the row after one that is about to go away, or to that before it. */
export function leaveRow(): void {
  const all = rows();
  const current = currentRow();
  if (!current) return;
  const at = all.indexOf(current);
  const next = (all[at + 1] ?? all[at - 1])?.dataset["task"];
  // Once the list is drawn anew.
  requestAnimationFrame(() => {
    if (document.activeElement && document.activeElement !== document.body) return;
    document.querySelector<HTMLElement>(next ? `#main [data-task="${next}"]` : "#main")?.focus();
  });
}

/** The box of a task was ticked. It shows what the task is: the event changes nothing by itself. */
export function tick(event: Event, task: Task): void {
  event.preventDefault();
  leaveRow();
  void (task.completedAt ? reopen(task) : complete(task));
}

const COMMANDS: Record<Command, () => void> = {
  add: () => (ui.dialog = "add"),
  search: () => router.go({ name: "search", q: "" }),
  palette: () => (ui.dialog = "palette"),
  help: () => (ui.dialog = "keys"),
  undo: () => void written().then(() => toasts.undo()),
  escape: () => {
    if (ui.menu) ui.menu = false;
    else if (selection.ids.size > 0) selection.clear();
    else router.close();
  },
  down: () => step(1),
  up: () => step(-1),
  open: () => {
    const task = currentTask();
    if (task) router.open(task.id);
  },
  complete: () => {
    const task = currentTask();
    if (!task) return;
    leaveRow();
    void (task.completedAt ? reopen(task) : complete(task));
  },
  remove: () => {
    const task = currentTask();
    if (!task) return;
    leaveRow();
    if (router.task === task.id) router.close();
    void remove(task);
  },
  select: () => {
    const task = currentTask();
    if (task) selection.toggle(task.id);
  },
  moveUp: () => moveCurrent(-1),
  moveDown: () => moveCurrent(1),
  priority1: () => setPriority("P1"),
  priority2: () => setPriority("P2"),
  priority3: () => setPriority("P3"),
  priority4: () => setPriority("P4"),
  goInbox: () => router.go({ name: "inbox" }),
  goToday: () => router.go({ name: "today" }),
  goUpcoming: () => router.go({ name: "upcoming" }),
  goCompleted: () => router.go({ name: "completed" }),
  goSettings: () => router.go({ name: "settings", section: "account" }),
};

/** Only a list in manual order shows where a task was put. */
function moveCurrent(by: 1 | -1): void {
  const task = currentTask();
  if (!task || !currentRow()?.closest("[draggable]")) return;
  moveBy(task, by);
  // The row is drawn at its new place.
  requestAnimationFrame(() => document.querySelector<HTMLElement>(`#main [data-task="${task.id}"]`)?.focus());
}

function setPriority(priority: Task["priority"]): void {
  const task = currentTask();
  if (task && task.priority !== priority) void edit(task, { priority });
}

export function run(command: Command): void {
  COMMANDS[command]();
}

/** Whether keys write text there, or mean something of their own. */
function writes(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return target.type !== "checkbox" && target.type !== "radio";
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

/** Keys that a button or a link has for itself. */
const OF_BUTTONS = new Set(["Enter", " "]);

export function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  const typing = writes(event.target);
  if (typing && event.key !== "Escape" && !event.ctrlKey && !event.metaKey) return;
  if (OF_BUTTONS.has(event.key)) return;
  const command = keyboard.read(event, event.timeStamp);
  if (command === undefined) return;
  // Ctrl+K and Escape hold while text is written; Ctrl+Z and its like are the text's.
  if (typing && command !== "palette" && command !== "escape") return;
  event.preventDefault();
  run(command);
}
