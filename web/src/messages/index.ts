/** The messages of the page, in the language that it speaks. */
import { en, type Messages } from "./en";

export type { Messages } from "./en";

export const m: Messages = en;
