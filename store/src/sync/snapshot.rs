//! Snapshots of Postgres, as text.

use std::{fmt, str::FromStr};

/// Running transactions that a snapshot may name. One with more is taken to be older than it is.
const RUNNING: usize = 64;

/// Which transactions were committed: all before `xmin`, and of those before `xmax` all that were not still
/// running (`pg_snapshot`, PostgreSQL documentation §9.27.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    xmin: i64,
    xmax: i64,
    running: Vec<i64>,
}

impl Snapshot {
    /// Every transaction before this one is over.
    pub fn xmin(&self) -> i64 {
        self.xmin
    }

    /// This transaction and those after it had not begun to write.
    pub fn xmax(&self) -> i64 {
        self.xmax
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.xmin, self.xmax)?;
        for (place, id) in self.running.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{id}")?;
        }
        Ok(())
    }
}

impl FromStr for Snapshot {
    type Err = &'static str;

    /// Only what Postgres reads, too: a client may have made it up.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "is no snapshot";
        let number = |text: &str| text.parse::<i64>().ok().filter(|id| *id > 0);
        let mut parts = text.split(':');
        let mut part = || parts.next().ok_or(WRONG);
        let (xmin, xmax, running) = (part()?, part()?, part()?);
        let (xmin, xmax) = (number(xmin).ok_or(WRONG)?, number(xmax).ok_or(WRONG)?);
        let running: Option<Vec<i64>> = match running {
            "" => Some(Vec::new()),
            list => list.split(',').map(number).collect(),
        };
        let mut running = running.ok_or(WRONG)?;
        let ordered = running.is_sorted() && running.iter().all(|id| (xmin..xmax).contains(id));
        if parts.next().is_some() || xmin > xmax || !ordered {
            return Err(WRONG);
        }
        if running.len() > RUNNING {
            // As it was when the first of them began: what is told twice does no harm.
            running.clear();
            return Ok(Self {
                xmin,
                xmax: xmin,
                running,
            });
        }
        Ok(Self {
            xmin,
            xmax,
            running,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_postgres_writes_it() {
        for text in ["10:10:", "10:20:10,14,15", "748:748:", "7:9:8"] {
            let snapshot: Snapshot = text.parse().unwrap();
            assert_eq!(snapshot.to_string(), text);
        }
    }

    #[test]
    fn what_postgres_would_not_read_is_refused() {
        for text in [
            "",
            "1",
            "1:2",
            "0:2:",
            "3:2:",
            "1:2:x",
            "1:2:1:",
            "5:9:4",
            "5:9:9",
            "5:9:7,6",
            "-1:2:",
            "1:2:1,",
            "99999999999999999999:1:",
        ] {
            assert!(text.parse::<Snapshot>().is_err(), "{text}");
        }
    }

    #[test]
    fn one_with_very_many_running_transactions_counts_as_older() {
        let running: Vec<String> = (10..200).map(|id| id.to_string()).collect();
        let snapshot: Snapshot = format!("10:300:{}", running.join(",")).parse().unwrap();
        assert_eq!(snapshot.to_string(), "10:10:");
    }
}
