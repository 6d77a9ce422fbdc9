//! Query strings.

use axum::{extract::FromRequestParts, http::request::Parts};
use chrono::{DateTime, Datelike, SubsecRound, Utc};
use domain::{error::FieldErrors, task::limits};
use runtime::Problem;
use url::form_urlencoded;

use crate::{
    body::quote,
    error::{Error, Result},
};

/// Most parameters of one request.
const MOST: usize = 100;

/// Most characters of a cursor, as the document says.
const CURSOR_MOST: usize = 1000;

/// The page that is answered when no `limit` is given.
const DEFAULT_PAGE: u32 = 50;

/// The parameters of a request, each to be taken by its name.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    pairs: Vec<(String, String)>,
    pub(crate) errors: FieldErrors,
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

/// A page of rows, of which one more than its `limit` was read: that one tells whether there is a next page.
pub(crate) fn page_of<T>(mut rows: Vec<T>, limit: u32) -> (Vec<T>, bool) {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    (rows, more)
}

impl Parameters {
    /// Reads a query string.
    ///
    /// # Errors
    /// When it holds too many parameters, or a character that Postgres cannot store.
    pub(crate) fn parse(query: &str) -> Result<Self> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .take(MOST + 1)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        if pairs.len() > MOST {
            return Err(Error::parameter(
                "query",
                format!("must hold at most {MOST} parameters"),
            ));
        }
        let mut errors = FieldErrors::default();
        for (name, value) in &pairs {
            if value.contains('\0') {
                errors.push(quote(name), "must not contain the character U+0000");
            }
        }
        errors.into_result(()).map_err(Problem::parameters)?;
        Ok(Self {
            pairs,
            errors: FieldErrors::default(),
        })
    }

    /// These ones.
    pub(crate) fn of(pairs: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Self {
            pairs: pairs.collect(),
            errors: FieldErrors::default(),
        }
    }

    /// Every value of a parameter.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        let (taken, rest) = std::mem::take(&mut self.pairs)
            .into_iter()
            .partition(|pair| pair.0 == name);
        self.pairs = rest;
        taken
            .into_iter()
            .map(|pair: (String, String)| pair.1)
            .collect()
    }

    /// The value of a parameter that may stand once.
    pub(crate) fn one(&mut self, name: &str) -> Option<String> {
        let mut values = self.all(name);
        if values.len() > 1 {
            self.errors.push(name, "must be given once");
        }
        values.pop()
    }

    /// The value of a parameter that is one of a few words.
    pub(crate) fn word<T: Copy + Default>(&mut self, name: &str, words: &[(&str, T)]) -> T {
        let Some(value) = self.one(name) else {
            return T::default();
        };
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == value) {
            return *meaning;
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.errors
            .push(name, format!("must be one of {}", known.join(", ")));
        T::default()
    }

    /// The value of a parameter that says yes or no.
    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        self.word(name, &[("true", Some(true)), ("false", Some(false))])
    }

    /// The place behind which a list goes on, of the `cursor` as `read` understands it.
    pub(crate) fn cursor<T>(&mut self, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.one("cursor")?;
        let place = (text.chars().count() <= CURSOR_MOST)
            .then(|| read(&text))
            .flatten();
        if place.is_none() {
            let message = "must be the nextCursor of the page before, with the same order";
            self.errors.push("cursor", message);
        }
        place
    }

    /// An instant.
    pub(crate) fn instant(&mut self, name: &str) -> Option<DateTime<Utc>> {
        let value = self.one(name)?;
        // An unescaped "+01:00" arrives as a space.
        let parsed = DateTime::parse_from_rfc3339(&value.replace(' ', "+"));
        let instant = parsed.ok().map(|time| time.to_utc().trunc_subsecs(6));
        let instant = instant.filter(|time| limits::YEARS.contains(&time.year()));
        if instant.is_none() {
            self.errors.push(
                name,
                format!(
                    "must be an instant such as 2026-11-30T09:00:00Z between the years {} and {}",
                    limits::YEARS.start(),
                    limits::YEARS.end()
                ),
            );
        }
        instant
    }

    /// The size of a page.
    pub(crate) fn limit(&mut self) -> u32 {
        let Some(value) = self.one("limit") else {
            return DEFAULT_PAGE;
        };
        match value.parse() {
            Ok(limit) if (1..=limits::PAGE).contains(&limit) => limit,
            _ => {
                let message = format!("must be a number from 1 to {}", limits::PAGE);
                self.errors.push("limit", message);
                DEFAULT_PAGE
            }
        }
    }

    /// Ends the reading: `Ok` when everything was understood.
    ///
    /// # Errors
    /// What was not, parameters that nobody asked for included.
    pub(crate) fn finish(mut self) -> Result<()> {
        for (name, _) in &self.pairs {
            self.errors
                .push(quote(name), "is not a parameter of this request");
        }
        Ok(self.errors.into_result(()).map_err(Problem::parameters)?)
    }
}
