/** Paths of the page. `api-gateway/src/page.rs` answers the same paths with the page. */

export type Route =
  | { name: "inbox" | "today" | "upcoming" | "completed" | "login" | "signup" }
  | { name: "project"; id: string }
  | { name: "tag"; tag: string }
  | { name: "search"; q: string }
  /** A saved filter, or one that is being written. */
  | { name: "filter"; id: string | null; f: string }
  | { name: "settings"; section: string };

/** What the paths of the page begin with. */
export const FIRSTS = ["", "completed", "filter", "inbox", "login", "project", "search", "settings", "signup", "tag", "today", "upcoming"];

/** The route of a path with its query; of an unknown one that of the first list. */
export function parse(path: string, query = ""): Route {
  const [, first = "", second = ""] = path.split("/");
  switch (first) {
    case "inbox":
    case "upcoming":
    case "completed":
    case "login":
    case "signup":
      return { name: first };
    case "project":
      return { name: "project", id: second };
    case "tag":
      return { name: "tag", tag: decode(second) };
    case "filter":
      return { name: "filter", id: second || null, f: new URLSearchParams(query).get("f") ?? "" };
    case "search":
      return { name: "search", q: new URLSearchParams(query).get("q") ?? "" };
    case "settings":
      return { name: "settings", section: second || "account" };
    default:
      return { name: "today" };
  }
}

/** Where a route is. */
export function path(route: Route): string {
  switch (route.name) {
    case "project":
      return `/project/${route.id}`;
    case "tag":
      return `/tag/${encodeURIComponent(route.tag)}`;
    case "filter":
      if (route.id !== null) return `/filter/${route.id}`;
      return route.f === "" ? "/filter" : `/filter?f=${encodeURIComponent(route.f)}`;
    case "search":
      return route.q === "" ? "/search" : `/search?q=${encodeURIComponent(route.q)}`;
    case "settings":
      return `/settings/${route.section}`;
    default:
      return `/${route.name}`;
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
