/** Whether an edit that was made without a network still fits what others have made of the task meanwhile. */
import type { components } from "todostack-client";

import { inverse } from "./patch";

type Schemas = components["schemas"];
type Patch = Schemas["TaskPatch"];
export type Field = keyof Patch;

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** The fields of a patch that somebody else has changed since, to something else than the patch does. `before` is
 * what the patch's author saw in them. None: the patch can be made of the task as it is now. */
export function conflicts(patch: Patch, before: Patch, now: Schemas["TaskView"]): Field[] {
  const there = inverse(now, patch);
  return (Object.keys(patch) as Field[]).filter((field) => !same(there[field], before[field]) && !same(there[field], patch[field]));
}
