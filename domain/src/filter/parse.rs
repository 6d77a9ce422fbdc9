//! From text to a filter, by recursive descent.
//!
//! It is written by hand: what may follow depends on the word before (a date after `due <`, a name after
//! `#`), and half of the work is to say where it went wrong, what could stand there and what may have
//! been meant, with which a library of combinators helps least.

mod condition;
mod value;

use super::{Filter, FilterError, cursor::Cursor, limits, words};

type Parsed<T = Filter> = Result<T, FilterError>;

impl Filter {
    /// Reads a filter; `docs/filters.md` has the grammar.
    ///
    /// # Errors
    /// What is wrong first, with its place and often with what may have been meant; a filter beyond one
    /// of the [`limits`] too.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut parser = Parser::new(text);
        parser.check_text(text)?;
        let filter = parser.any()?;
        parser.expect_end()?;
        parser.check_canonical(&filter, text)?;
        Ok(filter)
    }
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    conditions: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            cursor: Cursor::new(text),
            conditions: 0,
            depth: 0,
        }
    }

    fn check_text(&self, text: &str) -> Parsed<()> {
        if let Some((end, _)) = text.char_indices().nth(limits::CHARACTERS) {
            let message = format!("expected at most {} characters", limits::CHARACTERS);
            return Err(self.cursor.error(message, end..text.len()));
        }
        // Postgres has no such character: what held it could not be looked for.
        if let Some(at) = text.find('\0') {
            let message = "expected text without the character U+0000";
            return Err(self.cursor.error(message, at..at + 1));
        }
        Ok(())
    }

    /// What is read has to be readable again when it has been saved, and a canonical form may be longer
    /// than what was written: `week` is `due: today..+6d`.
    fn check_canonical(&self, filter: &Filter, text: &str) -> Parsed<()> {
        if filter.to_string().chars().count() <= limits::CHARACTERS {
            return Ok(());
        }
        let message = format!(
            "expected at most {} characters when all is spelled out",
            limits::CHARACTERS
        );
        Err(self.cursor.error(message, 0..text.len()))
    }

    /// What `|` joins.
    fn any(&mut self) -> Parsed {
        let mut parts = vec![self.all()?];
        while self.operator("|", "or") {
            parts.push(self.all()?);
        }
        Ok(Filter::any_of(parts))
    }

    /// What `&` joins.
    fn all(&mut self) -> Parsed {
        let mut parts = vec![self.operand()?];
        while self.operator("&", "and") {
            parts.push(self.operand()?);
        }
        Ok(Filter::all_of(parts))
    }

    fn operand(&mut self) -> Parsed {
        let start = self.cursor.skip_spaces();
        if self.operator("!", "not") {
            self.enter(start)?;
            let denied = self.operand()?;
            self.depth -= 1;
            Ok(!denied)
        } else if self.cursor.eat("(") {
            self.enter(start)?;
            let inner = self.any()?;
            self.depth -= 1;
            self.expect_closed(start)?;
            Ok(inner)
        } else {
            self.condition()
        }
    }

    /// Goes past an operator, if one stands here.
    fn operator(&mut self, sign: &str, word: &str) -> bool {
        self.cursor.skip_spaces();
        self.cursor.eat(sign) || self.cursor.eat_word(word)
    }

    /// Counts what stands within one another, so that nothing written exhausts the stack.
    fn enter(&mut self, start: usize) -> Parsed<()> {
        self.depth += 1;
        if self.depth > limits::DEPTH {
            let message = format!(
                "expected at most {} parentheses and `!` within one another",
                limits::DEPTH
            );
            return Err(self.cursor.error(message, start..start + 1));
        }
        Ok(())
    }

    fn expect_closed(&mut self, start: usize) -> Parsed<()> {
        self.cursor.skip_spaces();
        if self.cursor.eat(")") {
            Ok(())
        } else if self.cursor.is_at_end() {
            let message = "expected `)` for this `(` before the end of the filter";
            Err(self.cursor.error(message, start..start + 1))
        } else {
            Err(self.expected_operator("`&`, `|` or `)`"))
        }
    }

    fn expect_end(&mut self) -> Parsed<()> {
        self.cursor.skip_spaces();
        if self.cursor.is_at_end() {
            Ok(())
        } else if self.cursor.is_at(")") {
            let message = "expected `(` before this `)`";
            Err(self.cursor.error(message, self.cursor.lexeme()))
        } else {
            Err(self.expected_operator("`&`, `|` or the end of the filter"))
        }
    }

    /// A complaint about what follows a condition; where another one does, `&` may have been forgotten.
    fn expected_operator(&self, expected: &str) -> FilterError {
        let found = self.cursor.text(self.cursor.lexeme());
        let is_condition = found.starts_with(['#', '@', '!', '(']) || words::is_known(found);
        let suggestion = is_condition.then(|| format!("& {found}"));
        self.cursor.expected(expected).suggest(suggestion)
    }
}
