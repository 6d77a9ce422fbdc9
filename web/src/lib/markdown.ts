/** Markdown as a tree of what may be shown: no HTML comes out of it, so none needs to be cleaned. Loaded when there is
 * something to show. */
import { Lexer, type MarkedToken, type Token, type Tokens } from "marked";

export type Node =
  | { kind: "text"; text: string }
  | { kind: "code" | "block"; text: string }
  | { kind: "break" | "rule" }
  | { kind: "link"; href: string; children: Node[] }
  | { kind: "em" | "strong" | "del" | "paragraph" | "heading" | "quote"; children: Node[] }
  | { kind: "list"; ordered: boolean; start: number; items: Node[][] }
  | { kind: "table"; head: Node[][]; rows: Node[][][] };

/** What a link may lead to. */
const PROTOCOLS = new Set(["https:", "http:", "mailto:", "tel:"]);
/** What is deeper stands as it was written. */
const DEEPEST = 16;

/** The tree of a text. HTML in it is text. */
export function parse(text: string): Node[] {
  try {
    return nodes(new Lexer({ gfm: true, breaks: true }).lex(text), 0);
  } catch {
    // Nested deeper than a stack is.
    return [{ kind: "paragraph", children: [{ kind: "text", text }] }];
  }
}

function nodes(tokens: readonly Token[] | undefined, depth: number): Node[] {
  return (tokens ?? []).flatMap((token) => (depth > DEEPEST ? [{ kind: "text", text: token.raw } as const] : node(token as MarkedToken, depth)));
}

function node(token: MarkedToken, depth: number): Node[] {
  const children = (): Node[] => nodes("tokens" in token ? token.tokens : undefined, depth + 1);
  switch (token.type) {
    case "space":
    case "def":
      return [];
    case "br":
      return [{ kind: "break" }];
    case "hr":
      return [{ kind: "rule" }];
    case "code":
      return [{ kind: "block", text: token.text }];
    case "codespan":
      return [{ kind: "code", text: token.text }];
    case "blockquote":
      return [{ kind: "quote", children: children() }];
    case "em":
    case "strong":
    case "del":
    case "paragraph":
    case "heading":
      return [{ kind: token.type, children: children() }];
    case "link":
      return link(token.href, children(), token.raw);
    case "image":
      // Nothing is loaded from elsewhere: the picture is where the link leads.
      return link(token.href, [{ kind: "text", text: token.text || token.href }], token.raw);
    case "list":
      return [list(token, depth)];
    case "table":
      return [table(token, depth)];
    case "checkbox":
      return [{ kind: "text", text: token.checked ? "☑ " : "☐ " }];
    case "text":
      return token.tokens ? children() : [{ kind: "text", text: token.text }];
    case "escape":
      return [{ kind: "text", text: token.text }];
    default:
      return [{ kind: "text", text: token.raw }];
  }
}

function list({ ordered, start, items }: Tokens.List, depth: number): Node {
  return { kind: "list", ordered, start: Number(start) || 1, items: items.map((item) => nodes(item.tokens, depth + 1)) };
}

function table({ header, rows }: Tokens.Table, depth: number): Node {
  const cell = ({ tokens }: Tokens.TableCell): Node[] => nodes(tokens, depth + 1);
  return { kind: "table", head: header.map(cell), rows: rows.map((row) => row.map(cell)) };
}

function link(href: string, children: Node[], raw: string): Node[] {
  const target = safe(href);
  return target === undefined ? [{ kind: "text", text: raw }] : [{ kind: "link", href: target, children }];
}

/** An address that may be followed, as a browser writes it. */
function safe(href: string): string | undefined {
  try {
    // A relative one would lead into this page.
    const url = new URL(href);
    return PROTOCOLS.has(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}
