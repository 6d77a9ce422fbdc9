import { parse, path, type Route } from "../lib/route";

/** Where the page is, and which task is open. */
class Router {
  route = $state.raw<Route>(parse(location.pathname, location.search));
  /** The task that is being edited. */
  task = $state<string | undefined>(taskOf(location.search));

  constructor() {
    addEventListener("popstate", () => this.#read());
  }

  go(route: Route, replace = false): void {
    const target = path(route);
    if (target !== location.pathname + location.search) {
      if (replace) history.replaceState(null, "", target);
      else history.pushState(null, "", target);
    }
    this.#read();
  }

  /** Opens a task above the list; Back closes it. */
  open(task: string): void {
    const target = `${path(this.route)}${this.#sign()}task=${task}`;
    // From one task to the next: Back still leads to the list.
    if (this.task === undefined) history.pushState({ opened: true }, "", target);
    else history.replaceState(history.state, "", target);
    this.#read();
  }

  close(): void {
    if (this.task === undefined) return;
    if (isOpened(history.state)) history.back();
    else {
      history.replaceState(null, "", path(this.route));
      this.#read();
    }
    this.task = undefined;
  }

  #sign(): string {
    return path(this.route).includes("?") ? "&" : "?";
  }

  #read(): void {
    this.route = parse(location.pathname, location.search);
    this.task = taskOf(location.search);
  }
}

function isOpened(state: unknown): boolean {
  return typeof state === "object" && state !== null && "opened" in state;
}

function taskOf(query: string): string | undefined {
  return new URLSearchParams(query).get("task") ?? undefined;
}

export const router = new Router();
