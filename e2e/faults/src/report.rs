//! The verdict as Markdown.

use std::fmt::Write as _;

use chrono::TimeDelta;

use crate::checker::Verdict;

/// Broken rules that are printed one by one, of each kind.
const SHOWN: usize = 10;

/// The table, then what was broken.
pub fn markdown(verdict: &Verdict) -> String {
    let mut text = String::from(
        "| fault | times | reminders | lost | twice | same id again | failed with reason | late p50 | p99 | max | limit |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    let mut rows = verdict.rows.clone();
    if rows.len() > 1 {
        let mut all = rows[0].1.clone();
        for (_, row) in &rows[1..] {
            all.times += row.times;
            all.reminders += row.reminders;
            all.lost += row.lost;
            all.twice += row.twice;
            all.again += row.again;
            all.failed += row.failed;
            all.late.extend(&row.late);
            all.limit = all.limit.max(row.limit);
        }
        rows.push(("**all**".into(), all));
    }
    for (name, mut row) in rows {
        row.late.sort();
        let [p50, p99, max] = [50, 99, 100].map(|percent| rank(&row.late, percent));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} | {} | {p50} ms | {p99} ms | {max} ms | {} s |",
            row.times,
            row.reminders,
            row.lost,
            row.twice,
            row.again,
            row.failed,
            row.limit.num_seconds(),
        );
    }
    let _ = writeln!(
        text,
        "\n{} acknowledged writes; {} records in Kafka repeat an earlier one.",
        verdict.writes, verdict.redelivered
    );
    for (rule, count) in verdict.by_rule() {
        let _ = writeln!(text, "\n{rule:?}: {count}");
        let of_rule = verdict.violations.iter().filter(|v| v.rule == rule);
        for violation in of_rule.take(SHOWN) {
            let _ = writeln!(text, "- {}", violation.what);
        }
    }
    if verdict.violations.is_empty() {
        text.push_str("\nNothing is broken.\n");
    }
    text
}

/// The nearest-rank percentile of sorted delays, in milliseconds.
fn rank(sorted: &[TimeDelta], percent: usize) -> i64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(0, TimeDelta::num_milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::{Row, Rule, Violation};

    #[test]
    fn the_table_has_a_line_for_each_fault_and_one_for_all() {
        let row = |ms: &[i64]| Row {
            times: 1,
            reminders: ms.len(),
            late: ms.iter().copied().map(TimeDelta::milliseconds).collect(),
            limit: TimeDelta::seconds(10),
            ..Row::default()
        };
        let verdict = Verdict {
            rows: vec![
                ("kill relay".into(), row(&[30, 10, 20])),
                ("cut relay from kafka".into(), row(&[400])),
            ],
            violations: vec![Violation {
                rule: Rule::Lost,
                what: "task 7".into(),
            }],
            writes: 5,
            redelivered: 2,
        };
        let text = markdown(&verdict);
        for line in [
            "| kill relay | 1 | 3 | 0 | 0 | 0 | 0 | 20 ms | 30 ms | 30 ms | 10 s |",
            "| **all** | 2 | 4 | 0 | 0 | 0 | 0 | 20 ms | 400 ms | 400 ms | 10 s |",
            "Lost: 1\n- task 7",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
