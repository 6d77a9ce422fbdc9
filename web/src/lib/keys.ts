/** Which key does what, when no text is being written. */

export type Command =
  | "add"
  | "search"
  | "palette"
  | "help"
  | "down"
  | "up"
  | "open"
  | "complete"
  | "remove"
  | "select"
  | "moveUp"
  | "moveDown"
  | "undo"
  | "escape"
  | "priority1"
  | "priority2"
  | "priority3"
  | "priority4"
  | "goInbox"
  | "goToday"
  | "goUpcoming"
  | "goCompleted"
  | "goSettings";

/** The keys of a command, as they are shown and as they are pressed; `g i` is one after the other. */
export const KEYS: readonly { keys: readonly string[]; command: Command; group: "everywhere" | "lists" | "go" }[] = [
  { keys: ["q"], command: "add", group: "everywhere" },
  { keys: ["/"], command: "search", group: "everywhere" },
  { keys: ["Ctrl+k", "Meta+k"], command: "palette", group: "everywhere" },
  { keys: ["?"], command: "help", group: "everywhere" },
  { keys: ["z"], command: "undo", group: "everywhere" },
  { keys: ["Escape"], command: "escape", group: "everywhere" },
  { keys: ["j", "ArrowDown"], command: "down", group: "lists" },
  { keys: ["k", "ArrowUp"], command: "up", group: "lists" },
  { keys: ["e", "Enter"], command: "open", group: "lists" },
  { keys: ["x"], command: "complete", group: "lists" },
  { keys: ["v"], command: "select", group: "lists" },
  { keys: ["Alt+ArrowUp"], command: "moveUp", group: "lists" },
  { keys: ["Alt+ArrowDown"], command: "moveDown", group: "lists" },
  { keys: ["1"], command: "priority1", group: "lists" },
  { keys: ["2"], command: "priority2", group: "lists" },
  { keys: ["3"], command: "priority3", group: "lists" },
  { keys: ["4"], command: "priority4", group: "lists" },
  { keys: ["Delete", "Backspace"], command: "remove", group: "lists" },
  { keys: ["g i"], command: "goInbox", group: "go" },
  { keys: ["g t"], command: "goToday", group: "go" },
  { keys: ["g u"], command: "goUpcoming", group: "go" },
  { keys: ["g c"], command: "goCompleted", group: "go" },
  { keys: ["g s"], command: "goSettings", group: "go" },
];

export interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** How long a first key waits for the second, in milliseconds. */
const WAITS = 1500;

/** Reads key presses, of which one may wait for the next. */
export class Keyboard {
  #first: { key: string; at: number } | undefined;

  /** The command of a press, if it is one. */
  read(press: Press, now: number): Command | undefined {
    const name = pressed(press);
    if (name === undefined) return undefined;
    const first = this.#first && now - this.#first.at < WAITS ? this.#first.key : undefined;
    this.#first = undefined;
    if (first !== undefined) {
      const both = commandOf(`${first} ${name}`);
      if (both) return both;
    }
    const command = commandOf(name);
    if (command === undefined && KEYS.some(({ keys }) => keys.some((key) => key.startsWith(`${name} `)))) {
      this.#first = { key: name, at: now };
    }
    return command;
  }
}

function commandOf(name: string): Command | undefined {
  return KEYS.find(({ keys }) => keys.includes(name))?.command;
}

function pressed({ key, ctrlKey, metaKey, altKey }: Press): string | undefined {
  if (["Control", "Meta", "Alt", "Shift"].includes(key)) return undefined;
  const plain = key.length === 1 ? key.toLowerCase() : key;
  // With Alt most keyboards write characters.
  if (altKey) return key.startsWith("Arrow") ? `Alt+${key}` : undefined;
  if (ctrlKey) return `Ctrl+${plain}`;
  return metaKey ? `Meta+${plain}` : plain;
}
