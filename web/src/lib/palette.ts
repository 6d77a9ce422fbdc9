const plain = (text: string): string => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Whether every word that is typed begins a word of the text; case and accents do not matter. */
export function fits(text: string, typed: string): boolean {
  const words = plain(text).split(/[\s\p{P}]+/u);
  return plain(typed)
    .split(/\s+/)
    .every((wanted) => wanted === "" || words.some((word) => word.startsWith(wanted)));
}
