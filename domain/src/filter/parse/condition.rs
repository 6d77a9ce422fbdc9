//! One condition: a word, a name, or a field with what it is compared with.

use super::{Parsed, Parser};
use crate::{
    filter::{
        Condition, DateField, Edge, Filter, FilterError, Moment, Range, Thing, Unit, limits, words,
    },
    task::Priority,
};

const CONDITION: &str = "a condition such as `p1`, `overdue`, `#project`, `@tag` or `due < +3d`";

impl Parser<'_> {
    pub(super) fn condition(&mut self) -> Parsed {
        self.conditions += 1;
        if self.conditions > limits::CONDITIONS {
            let message = format!("expected at most {} conditions", limits::CONDITIONS);
            return Err(self.cursor.error(message, self.cursor.lexeme()));
        }
        if self.cursor.eat("#") {
            Ok(Condition::Project(self.project()?).into())
        } else if self.cursor.eat("@") {
            Ok(Condition::Tag(self.tag()?).into())
        } else {
            self.worded()
        }
    }

    /// A condition that begins with a word.
    fn worded(&mut self) -> Parsed {
        let start = self.cursor.at();
        let word = self.cursor.word().to_lowercase();
        if let Some(filter) = by_itself(&word) {
            return Ok(filter);
        }
        if let Some(field) = date_field(&word) {
            let range = self.comparison(field, start)?;
            return Ok(Condition::Date(field, range).into());
        }
        match word.as_str() {
            "has" => self.thing(),
            "no" => Ok(!self.thing()?),
            "project" => Ok(Condition::Project(self.after_colon(Self::project)?).into()),
            "tag" => Ok(Condition::Tag(self.after_colon(Self::tag)?).into()),
            "title" => Ok(Condition::Title(self.after_colon(Self::text)?).into()),
            "text" | "search" => Ok(Condition::Text(self.after_colon(Self::text)?).into()),
            _ => Err(self.unknown(start)),
        }
    }

    fn after_colon<T>(&mut self, read: fn(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.cursor.skip_spaces();
        if self.cursor.eat(":") {
            self.cursor.skip_spaces();
            read(self)
        } else {
            Err(self.cursor.expected("`:`"))
        }
    }

    /// A complaint about the word between `start` and here, or about what stands here and is no word.
    fn unknown(&self, start: usize) -> FilterError {
        let place = start..self.cursor.at();
        let word = self.cursor.text(place.clone());
        if word.is_empty() {
            return self.cursor.expected(CONDITION);
        }
        let number = word.strip_prefix(['p', 'P']);
        if number.is_some_and(|number| number.parse::<u64>().is_ok()) {
            let expected = "a priority from `p1` to `p4`";
            return self.cursor.expected_at(expected, place);
        }
        let error = self.cursor.expected_at(CONDITION, place);
        error.suggest(words::meant_as_condition(word))
    }

    /// What a task has or not.
    fn thing(&mut self) -> Parsed {
        let start = self.cursor.skip_spaces();
        let word = self.cursor.word().to_lowercase();
        let condition = match word.as_str() {
            "project" => Condition::Has(Thing::Project),
            "tag" | "tags" => Condition::Has(Thing::Tags),
            "reminder" | "reminders" => Condition::Has(Thing::Reminder),
            _ => match date_field(&word) {
                Some(field) => Condition::Date(field, Range::ANY),
                None => return Err(self.unknown_thing(start)),
            },
        };
        Ok(condition.into())
    }

    fn unknown_thing(&self, start: usize) -> FilterError {
        let expected = "`due`, `project`, `tags`, `reminder`, `created`, `updated` or `completed`";
        let place = start..self.cursor.at();
        match self.cursor.text(place.clone()) {
            "" => self.cursor.expected(expected),
            word => {
                let error = self.cursor.expected_at(expected, place);
                error.suggest(words::nearest(word, words::THINGS))
            }
        }
    }

    /// What stands after the word of a date, which began at `start`.
    fn comparison(&mut self, field: DateField, start: usize) -> Parsed<Range> {
        self.cursor.skip_spaces();
        if self.cursor.eat("<=") {
            Ok(Range::until(self.moment()?))
        } else if self.cursor.eat("<") {
            Ok(Range::before(self.moment()?))
        } else if self.cursor.eat(">=") {
            Ok(Range::since(self.moment()?))
        } else if self.cursor.eat(">") {
            Ok(Range::after(self.moment()?))
        } else if self.cursor.eat(":") || self.cursor.eat("=") {
            self.cursor.skip_spaces();
            if self.cursor.eat_word("none") {
                let message = format!("expected a date or `no {}`", field.as_str());
                let error = self.cursor.error(message, start..self.cursor.at());
                return Err(error.suggest(Some(format!("no {}", field.as_str()))));
            }
            self.range()
        } else {
            let error = self
                .cursor
                .expected("`<`, `<=`, `>`, `>=` or `:` and a date");
            let date = self.cursor.text(self.cursor.lexeme());
            let is_date = date.parse::<Moment>().is_ok();
            Err(error.suggest(is_date.then(|| format!(": {date}"))))
        }
    }

    /// One moment; or two with `..` between them, of which one may be absent, and `<` on the side of one
    /// that is not included.
    fn range(&mut self) -> Parsed<Range> {
        if self.cursor.eat("..") {
            let to = Some(self.end_of_range()?);
            return Ok(Range { to, ..Range::ANY });
        }
        let first = self.moment()?;
        let from = if self.cursor.eat("<..") {
            Edge::End(first)
        } else if self.cursor.eat("..") {
            Edge::Start(first)
        } else {
            return Ok(Range::on(first));
        };
        let has_end = self.cursor.is_at("<") || self.cursor.is_at_date();
        let to = has_end.then(|| self.end_of_range()).transpose()?;
        let from = Some(from);
        Ok(Range { from, to })
    }

    fn end_of_range(&mut self) -> Parsed<Edge> {
        if self.cursor.eat("<") {
            Ok(Edge::Start(self.moment()?))
        } else {
            Ok(Edge::End(self.moment()?))
        }
    }
}

fn date_field(word: &str) -> Option<DateField> {
    DateField::ALL
        .into_iter()
        .find(|field| field.as_str() == word)
}

/// What a word means that needs no other.
fn by_itself(word: &str) -> Option<Filter> {
    Some(match word {
        "all" => Filter::ALL,
        "nothing" => Filter::NOTHING,
        "open" => Filter::open(),
        "done" => Filter::done(),
        "overdue" => Filter::overdue(),
        "week" => Filter::week(),
        "recurring" => Condition::Has(Thing::Recurrence).into(),
        "subtask" => Condition::Has(Thing::Parent).into(),
        "p1" => Condition::Priority(Priority::P1).into(),
        "p2" => Condition::Priority(Priority::P2).into(),
        "p3" => Condition::Priority(Priority::P3).into(),
        "p4" => Condition::Priority(Priority::P4).into(),
        _ => {
            let (_, away) = Moment::NAMED.into_iter().find(|(name, _)| *name == word)?;
            Filter::due(Range::on(Moment::In(away, Unit::Day)))
        }
    })
}
