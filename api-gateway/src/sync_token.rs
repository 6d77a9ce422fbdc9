//! Tokens of `GET /v1/sync`: opaque to clients, which keep the last one.

use std::ops::Range;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use store::sync::{KEPT, Moment, Part, Place, Snapshot, Span};
use uuid::Uuid;

/// Longest token that is looked at. One with as many running transactions as a snapshot names is shorter.
const LONGEST: usize = 4096;

/// What the key of a place may be: any transaction and any time of creation, within what Postgres adds to
/// a time. A client may have made it up.
const KEYS: Range<i64> = 1..1 << 53;

/// What a client has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// Whose tasks.
    pub(crate) owner: Uuid,
    /// When its pages begin; with the last of them all is read that was committed then.
    pub(crate) until: Moment,
    /// What else there is to read before.
    pub(crate) rest: Option<Rest>,
}

/// The pages that follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rest {
    /// Changes since this; none: everything is read.
    pub(crate) since: Option<Snapshot>,
    /// Where the page before ended.
    pub(crate) after: Place,
}

impl Token {
    /// Whether it can be gone on from: by the same user, on the same server, and not too late to tell what
    /// was deleted meanwhile.
    pub(crate) fn is_good(&self, owner: Uuid, now: &Moment) -> bool {
        let age = now.time - self.until.time;
        self.owner == owner && self.until.server == now.server && age < KEPT
    }

    /// What to read, and behind which place.
    pub(crate) fn next(&self, now: &Moment) -> (Moment, Span, Option<Place>) {
        let Some(rest) = &self.rest else {
            let span = Span::Between(self.until.snapshot.clone(), now.snapshot.clone());
            return (now.clone(), span, None);
        };
        let span = match &rest.since {
            Some(since) => Span::Between(since.clone(), self.until.snapshot.clone()),
            None => Span::Everything,
        };
        (self.until.clone(), span, Some(rest.after))
    }

    /// As clients get it.
    pub(crate) fn encode(&self) -> String {
        let Moment {
            server,
            snapshot,
            time,
        } = &self.until;
        let mut text = format!(
            "1|{}|{server}|{}|{snapshot}",
            self.owner.simple(),
            time.timestamp_micros()
        );
        if let Some(Rest { since, after }) = &self.rest {
            let since = since.as_ref().map(ToString::to_string).unwrap_or_default();
            let Place { part, key, id } = after;
            text += &format!("|{since}|{}|{key}|{}", letter(*part), id.simple());
        }
        URL_SAFE_NO_PAD.encode(text)
    }

    /// What a client sent.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let parts: Vec<&str> = text.split('|').collect();
        let (["1", owner, server, time, snapshot], rest) = parts.split_at_checked(5)? else {
            return None;
        };
        let rest = match rest {
            [] => None,
            [since, part, key, id] => Some(Rest {
                since: match *since {
                    "" => None,
                    since => Some(since.parse().ok()?),
                },
                after: Place {
                    part: part_of(part)?,
                    key: key.parse().ok().filter(|key| KEYS.contains(key))?,
                    id: id.parse().ok()?,
                },
            }),
            _ => return None,
        };
        Some(Self {
            owner: owner.parse().ok()?,
            until: Moment {
                server: (*server).to_owned(),
                snapshot: snapshot.parse().ok()?,
                time: time_of(time)?,
            },
            rest,
        })
    }
}

fn time_of(micros: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros.parse().ok()?)
}

fn letter(part: Part) -> char {
    match part {
        Part::Projects => 'p',
        Part::DeletedProjects => 'd',
        Part::Tasks => 't',
        Part::Filters => 'f',
        Part::DeletedFilters => 'g',
    }
}

fn part_of(letter: &str) -> Option<Part> {
    Some(match letter {
        "p" => Part::Projects,
        "d" => Part::DeletedProjects,
        "t" => Part::Tasks,
        "f" => Part::Filters,
        "g" => Part::DeletedFilters,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;
    use proptest::prelude::*;

    fn moment() -> Moment {
        Moment {
            server: "6a-1-5-7".into(),
            snapshot: "10:20:12,13".parse().unwrap(),
            time: DateTime::from_timestamp_micros(1_796_000_000_000_001).unwrap(),
        }
    }

    fn token(rest: Option<Rest>) -> Token {
        Token {
            owner: Uuid::from_u128(7),
            until: moment(),
            rest,
        }
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let after = Place {
            part: Part::Tasks,
            key: 15,
            id: Uuid::from_u128(9),
        };
        let since = Some("5:5:".parse().unwrap());
        for rest in [
            None,
            Some(Rest { since, after }),
            Some(Rest { since: None, after }),
        ] {
            let token = token(rest);
            assert_eq!(Token::decode(&token.encode()), Some(token));
        }
    }

    #[test]
    fn a_place_that_no_row_can_have_is_refused() {
        for (key, taken) in [(0, false), (-1, false), (1, true), (i64::MAX, false)] {
            let after = Place {
                part: Part::Tasks,
                key,
                id: Uuid::nil(),
            };
            let text = token(Some(Rest { since: None, after })).encode();
            assert_eq!(Token::decode(&text).is_some(), taken, "{key}");
        }
    }

    #[test]
    fn it_is_good_for_its_user_and_its_server_and_for_some_time() {
        let (token, now) = (token(None), moment());
        assert!(token.is_good(token.owner, &now));
        assert!(!token.is_good(Uuid::from_u128(8), &now));
        let elsewhere = Moment {
            server: "6a-2-5-7".into(),
            ..moment()
        };
        assert!(!token.is_good(token.owner, &elsewhere));
        let at = |time| Moment { time, ..moment() };
        assert!(token.is_good(token.owner, &at(now.time + KEPT - Duration::seconds(1))));
        assert!(!token.is_good(token.owner, &at(now.time + KEPT)));
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_as_a_token_panics(text in "\\PC{0,80}") {
            Token::decode(&text);
            Token::decode(&URL_SAFE_NO_PAD.encode(&text));
        }
    }
}
