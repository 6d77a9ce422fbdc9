import { expect, test } from "vitest";

import { type Node, parse } from "../../src/lib/markdown";

/** All that is in a tree. */
function all(nodes: readonly Node[]): Node[] {
  return nodes.flatMap((node) => {
    if ("children" in node) return [node, ...all(node.children)];
    if (node.kind === "list") return [node, ...node.items.flatMap(all)];
    return node.kind === "table" ? [node, ...[...node.head, ...node.rows.flat()].flatMap(all)] : [node];
  });
}

const text = (nodes: readonly Node[]): string => all(nodes).map((node) => ("text" in node ? node.text : "")).join("");
const hrefs = (source: string): string[] => all(parse(source)).flatMap((node) => (node.kind === "link" ? [node.href] : []));

test("what people write is shown as it is meant", () => {
  expect(parse("**Ask** *Jo*\n\n- one\n- two `code`")).toEqual([
    { kind: "paragraph", children: [
      { kind: "strong", children: [{ kind: "text", text: "Ask" }] },
      { kind: "text", text: " " },
      { kind: "em", children: [{ kind: "text", text: "Jo" }] },
    ] },
    { kind: "list", ordered: false, start: 1, items: [
      [{ kind: "text", text: "one" }],
      [{ kind: "text", text: "two " }, { kind: "code", text: "code" }],
    ] },
  ]);
  expect(hrefs("see https://example.com/a?b=c and <jo@example.com>")).toEqual(["https://example.com/a?b=c", "mailto:jo@example.com"]);
  expect(text(parse("- [x] done\n- [ ] open"))).toBe("☑ done☐ open");
  expect(text(parse("5 < 6 & \"7\" &copy; \\*"))).toBe("5 < 6 & \"7\" &copy; *");
});

test("nothing leads where it should not", () => {
  const hostile = [
    "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\tscript:alert(1))", "[x](&#106;avascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)", "[x](vbscript:x)", "[x](/v1/me)", "[x](//evil.example)", "[x](blob:https://a/b)",
    "![x](javascript:alert(1))", "<javascript:alert(1)>", "[x]: javascript:alert(1)\n\n[x]",
  ];
  for (const source of hostile) expect(hrefs(source), source).toEqual([]);
  expect(hrefs("![a picture](https://evil.example/track.png)")).toEqual(["https://evil.example/track.png"]);
});

test("HTML is text", () => {
  for (const source of ["<script>alert(1)</script>", "a <img src=x onerror=alert(1)> b", "<b>bold</b>", "<!-- c -->", "<a href='javascript:alert(1)'>x</a>"]) {
    const nodes = parse(source);
    expect(all(nodes).every((node) => node.kind === "text" || node.kind === "paragraph"), source).toBe(true);
    expect(text(nodes).trim()).toBe(source);
  }
});

test("what is made to take long or to go deep does neither", () => {
  const sources = ["[", "![", "> ", "*", "_", "`", "*a_ ", "- ", "  - x\n", "<", "((", "~~", "|a", "&", "#", "[a](", "**a ", "\\", "https://", "a@b."];
  for (const part of sources) {
    const source = part.repeat(20_000 / part.length);
    const start = performance.now();
    expect(all(parse(source)).length).toBeLessThan(40_001);
    // As long as the longest notes that there can be; alone on a machine it is a hundredth of this.
    expect(performance.now() - start, part).toBeLessThan(10_000);
  }
});
