/** What is understood of a line while it is typed: the gateway reads it, and makes nothing. */
import { dataOf } from "todostack-client";

import { api, reason, type Schemas, Unreachable } from "./api";

/** A pause in typing that is worth a reading, in milliseconds. */
const PAUSE = 90;

export class QuickReader {
  /** What was read of the last line that was understood. */
  parts = $state.raw<Schemas["QuickAddPart"][]>([]);
  /** The line that `parts` are of. */
  line = $state("");
  error = $state("");
  /** It could not be read for want of a network. */
  away = $state(false);
  #input: Schemas["TaskInput"] | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  typed(line: string): void {
    clearTimeout(this.#timer);
    if (line.trim() === "") {
      this.#asked += 1;
      this.#set("", [], undefined, "");
      return;
    }
    this.#timer = setTimeout(() => void this.read(line), PAUSE);
  }

  /** Reads a line. None: it cannot be read as it was meant, and `error` says why. */
  async read(line: string): Promise<Schemas["TaskInput"] | undefined> {
    clearTimeout(this.#timer);
    if (line === this.line && this.#input) return this.#input;
    this.#asked += 1;
    this.away = false;
    const mine = this.#asked;
    try {
      const read = dataOf(await api.POST("/v1/tasks/quick", { body: { line, dryRun: true } }));
      if (mine === this.#asked) this.#set(line, read.parts, read.input, "");
      return read.input;
    } catch (failure) {
      this.away = failure instanceof Unreachable;
      if (mine === this.#asked) this.#set(line, [], undefined, reason(failure));
      return undefined;
    }
  }

  #set(line: string, parts: Schemas["QuickAddPart"][], input: Schemas["TaskInput"] | undefined, error: string): void {
    this.line = line;
    this.parts = parts;
    this.#input = input;
    this.error = error;
  }
}
