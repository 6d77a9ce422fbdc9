//! What is left of a line when its phrases are taken out.

use std::ops::Range;

use super::words::{CLOSING, OPENING, STOPS, Word};

/// Dashes between words.
const DASHES: [char; 3] = ['-', '–', '—'];

/// Stops that stay at the end of a title.
const SENTENCE_ENDS: [char; 4] = ['.', '!', '?', '…'];

/// A title, and the bytes of the line that are neither in it nor in a phrase: backslashes, and
/// punctuation that stood around what was taken out.
pub(super) struct Title {
    pub(super) text: String,
    pub(super) marks: Vec<Range<usize>>,
}

/// Puts the title together from the words that no phrase took. `taken`: the words of each phrase, in
/// order.
pub(super) fn title(line: &str, words: &[Word<'_>], taken: &[Range<usize>]) -> Title {
    let mut title = Title {
        text: String::new(),
        marks: Vec::new(),
    };
    let before = |word: &Word<'_>| word.whole.start..word.core.start;
    let after = |word: &Word<'_>| word.core.end..word.whole.end;
    let mut taken = taken.iter().peekable();
    let mut gap = Gap::default();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        gap.around.push(before(word));
        if let Some(phrase) = taken.next_if(|phrase| phrase.start == at) {
            gap.taken = true;
            gap.around.push(after(&words[phrase.end - 1]));
            at = phrase.end;
            continue;
        }
        let before_phrase = taken.peek().is_some_and(|phrase| phrase.start == at + 1);
        if is_dash(word) && (gap.taken || before_phrase) {
            gap.around.push(word.core.clone());
            at += 1;
            continue;
        }
        title.pass(line, &gap, false);
        title.push(&line[word.core.clone()]);
        gap = Gap::default();
        gap.around.push(after(word));
        at += 1;
    }
    title.pass(line, &gap, true);
    title
}

/// Whether a word only sets off what is beside it.
fn is_dash(word: &Word<'_>) -> bool {
    word.core == word.whole && matches!(word.text, "-" | "–" | "—")
}

/// What lies between two words of a title.
#[derive(Default)]
struct Gap {
    /// Bytes of the punctuation behind and before words, in order.
    around: Vec<Range<usize>>,
    /// A phrase was taken out here.
    taken: bool,
}

impl Title {
    /// Adds a word; one in quotes may have white space within.
    fn push(&mut self, word: &str) {
        for (place, piece) in word.split_whitespace().enumerate() {
            if place > 0 {
                self.text.push(' ');
            }
            self.text.push_str(piece);
        }
    }

    /// Adds what stays of a gap, and the space behind it.
    fn pass(&mut self, line: &str, gap: &Gap, at_end: bool) {
        let at_begin = self.text.is_empty();
        let unpaired = gap.unpaired(line);
        let stop = gap.stop(line, at_end).filter(|_| !at_begin);
        let mut opening = String::new();
        for range in &gap.around {
            for (at, sign) in line[range.clone()].char_indices() {
                let at = range.start + at;
                let unpaired = unpaired.binary_search(&at).is_ok();
                let stays = match sign {
                    '\\' => false,
                    _ if !gap.taken => true,
                    _ if OPENING.contains(&sign) => unpaired && !at_end,
                    _ if CLOSING.contains(&sign) => unpaired && !at_begin,
                    _ => stop.as_ref().is_some_and(|stop| stop.contains(&at)),
                };
                if !stays {
                    self.mark(at..at + sign.len_utf8());
                } else if OPENING.contains(&sign) {
                    opening.push(sign);
                } else {
                    if gap.taken && DASHES.contains(&sign) {
                        self.text.push(' ');
                    }
                    self.text.push(sign);
                }
            }
        }
        if !at_end && !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(&opening);
    }

    /// Notes what is in neither a title nor a phrase.
    fn mark(&mut self, range: Range<usize>) {
        match self.marks.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.marks.push(range),
        }
    }
}

impl Gap {
    /// The brackets that do not just enclose what was taken out, in order.
    fn unpaired(&self, line: &str) -> Vec<usize> {
        let mut open = Vec::new();
        let mut close = Vec::new();
        for range in &self.around {
            for (at, sign) in line[range.clone()].char_indices() {
                if OPENING.contains(&sign) {
                    open.push(range.start + at);
                } else if CLOSING.contains(&sign) && open.pop().is_none() {
                    close.push(range.start + at);
                }
            }
        }
        close.extend(open);
        close.sort_unstable();
        close
    }

    /// The stop or dash that stays: the first, or at the end of a line the first stop that ends a
    /// sentence.
    fn stop(&self, line: &str, at_end: bool) -> Option<Range<usize>> {
        let stays = |sign| {
            if at_end {
                SENTENCE_ENDS.contains(&sign)
            } else {
                STOPS.contains(&sign) || DASHES.contains(&sign)
            }
        };
        self.around
            .iter()
            .find(|range| line[(*range).clone()].contains(stays))
            .cloned()
    }
}
