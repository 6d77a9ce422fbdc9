const plain = (text: string): string => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

const beginnings = new Map<string, string[]>();
const MOST = 50_000;

/** The words of a text; known ones, for each letter that is typed asks for those of every task. */
function wordsOf(text: string): string[] {
  let words = beginnings.get(text);
  if (words === undefined) {
    words = plain(text).split(/[\s\p{P}]+/u);
    if (beginnings.size >= MOST) beginnings.clear();
    beginnings.set(text, words);
  }
  return words;
}

/** Says of texts whether every word that is typed begins a word of them; case and accents do not matter. */
export function fitting(typed: string): (text: string) => boolean {
  const wanted = plain(typed).split(/\s+/).filter(Boolean);
  return (text) => {
    const words = wordsOf(text);
    return wanted.every((each) => words.some((word) => word.startsWith(each)));
  };
}
