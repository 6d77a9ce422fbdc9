/** Texts with marked places: highlights of a search, parts of a quick-add line. */

export interface Span {
  start: number;
  end: number;
}

/** A piece of a text, and the span that it is, if it is one. */
export interface Piece<S extends Span> {
  text: string;
  span?: S;
}

/** The pieces of a text, in order. Spans that overlap one before, or lie outside, are left out. */
export function pieces<S extends Span>(text: string, spans: readonly S[]): Piece<S>[] {
  const found: Piece<S>[] = [];
  let at = 0;
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    if (span.start < at || span.end > text.length || span.end <= span.start) continue;
    if (span.start > at) found.push({ text: text.slice(at, span.start) });
    found.push({ text: text.slice(span.start, span.end), span });
    at = span.end;
  }
  if (at < text.length) found.push({ text: text.slice(at) });
  return found;
}

/** A part of a long text around its first highlight, with its spans moved along. */
export function excerpt(text: string, spans: readonly Span[], most = 160): { text: string; spans: Span[] } {
  const first = spans[0];
  if (text.length <= most || first === undefined) return { text: text.slice(0, most), spans: [...spans] };
  const wanted = Math.max(0, first.start - 40);
  const space = text.indexOf(" ", wanted);
  const start = wanted === 0 || space === -1 || space > first.start ? wanted : space + 1;
  const cut = text.slice(start, start + most);
  const head = start > 0 ? "…" : "";
  const moved = spans.map((span) => ({
    start: span.start - start + head.length,
    end: span.end - start + head.length,
  }));
  return { text: head + cut, spans: moved.filter((span) => span.start >= 0) };
}
