//! Tasks that are searched for: by their words, or by titles that resemble what was written.

use domain::{language::Language, search, task::Task};
use sqlx::{PgConnection, Postgres, QueryBuilder, Row as _};

use super::{Key, Order, Page, Position, Selection, push_conditions};
use crate::{Owner, tasks::row::tasks_of};

/// Tasks that are ranked: the newest of those that are found.
pub const RANKED: u32 = 1_000;

/// Tasks whose titles are compared where no word is found: the newest.
pub const COMPARED: u32 = 2_000;

/// How much a title, or a part of it, has in common with what it resembles (`pg_trgm`), at least.
const RESEMBLES: f32 = 0.5;

/// The same of a word that is highlighted.
const WORD_RESEMBLES: f32 = 0.3;

/// What is searched for, as Postgres has read it in a language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    language: Language,
    /// As written: a `tsquery`, empty when nothing of the text is a word.
    exact: String,
    /// With the last word as the beginning of one, where it may be.
    wanted: String,
    /// The words that are to be found, each a `tsquery`.
    lexemes: Vec<String>,
    /// What titles are compared with.
    resembling: Option<String>,
    is_fuzzy: bool,
}

impl Search {
    /// Reads what somebody has written, as `websearch_to_tsquery` does: any text is one.
    ///
    /// # Errors
    /// Whatever Postgres says.
    pub async fn read(
        conn: &mut PgConnection,
        language: Language,
        text: &str,
    ) -> sqlx::Result<Self> {
        let resembling = search::resembling(text);
        // The last word ends the query unless it was left out, as `the` is in English: then nothing is a
        // beginning.
        let (exact, wanted, lexemes, resembling) = sqlx::query_as(
            "with written as (
                 select websearch_to_tsquery($1::regconfig, fold($2)) as exact,
                     plainto_tsquery($1::regconfig, fold($3)) as last),
             read as (
                 select exact, case
                     when numnode(last) = 1 and right(exact::text, length(last::text)) = last::text
                     then (exact::text || ':*')::tsquery else exact end as wanted
                 from written)
             select exact::text, wanted::text, array(
                 select distinct m[1] from regexp_matches(querytree(wanted),
                     '(''(?:[^'']|'''')*''(?::[*])?)', 'g') as m), fold($4)
             from read",
        )
        .bind(language.name())
        .bind(text)
        .bind(search::beginning(text))
        .bind(resembling)
        .fetch_one(conn)
        .await?;
        Ok(Self {
            language,
            exact,
            wanted,
            lexemes,
            resembling,
            is_fuzzy: false,
        })
    }

    /// The same by titles that resemble it; none where there is too little to compare.
    #[must_use]
    pub fn fuzzy(&self) -> Option<Self> {
        self.resembling.is_some().then(|| Self {
            is_fuzzy: true,
            ..self.clone()
        })
    }

    /// Whether titles that resemble it are found, and not words.
    pub fn is_fuzzy(&self) -> bool {
        self.is_fuzzy
    }

    /// Those of some words for which a task was found.
    ///
    /// # Errors
    /// Whatever Postgres says.
    pub async fn found(
        &self,
        conn: &mut PgConnection,
        words: Vec<&str>,
    ) -> sqlx::Result<Vec<String>> {
        if self.is_fuzzy {
            let resembling = self.resembling.as_deref().unwrap_or_default();
            let wanted: Vec<&str> = resembling.split_whitespace().collect();
            return sqlx::query_scalar(
                "select word from unnest($1::text[]) as word where exists (
                     select 1 from unnest($2::text[]) as wanted
                     where similarity(wanted, fold(word)) >= $3)",
            )
            .bind(words)
            .bind(wanted)
            .bind(WORD_RESEMBLES)
            .fetch_all(conn)
            .await;
        }
        let words: Vec<&str> = words.into_iter().filter(|word| self.may_be(word)).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        sqlx::query_scalar(
            "select word from unnest($1::text[]) as word
             where to_tsvector($2::regconfig, fold(word)) @@ $3::tsquery",
        )
        .bind(words)
        .bind(self.language.name())
        .bind(self.lexemes.join(" | "))
        .fetch_all(conn)
        .await
    }

    /// Whether a word can be one of those that are to be found: no language changes the first letter, and
    /// only letters that are not of ASCII become others.
    fn may_be(&self, word: &str) -> bool {
        let first = word.chars().next().map(|c| c.to_ascii_lowercase());
        let is_first = |lexeme: &String| lexeme.chars().nth(1) == first;
        !self.lexemes.is_empty() && (!word.is_ascii() || self.lexemes.iter().any(is_first))
    }

    /// Narrows a query of the `owner`'s rows of `tasks`, which has the other conditions of `selection`. What is
    /// found is materialized: a plan that takes a table for empty would find it anew for each task.
    pub(super) fn narrow(
        &self,
        query: &mut QueryBuilder<Postgres>,
        owner: Owner,
        selection: &Selection,
    ) {
        if self.is_fuzzy {
            query.push(" and id in (with found as materialized (select id from (");
            self.push_resembling(query, owner, selection);
            query.push(") as resembling where rank >= ");
            query.push_bind(RESEMBLES).push(") select id from found)");
        } else if self.exact.is_empty() {
            query.push(" and false");
        } else {
            query.push(" and id in (with found as materialized (");
            self.push_hits(query, owner);
            query.push(") select task_id from found)");
        }
    }

    /// The owner's tasks that have the words. By task_words_found, or by the primary key where the owner has
    /// few tasks.
    fn push_hits(&self, query: &mut QueryBuilder<Postgres>, owner: Owner) {
        query
            .push("select task_id, words from task_words where owner_id = ")
            .push_bind(owner.id())
            .push(" and words @@ ")
            .push_bind(self.wanted.clone())
            .push("::tsquery");
    }

    /// The newest tasks of a selection, and how much each resembles what is searched for.
    fn push_resembling(
        &self,
        query: &mut QueryBuilder<Postgres>,
        owner: Owner,
        selection: &Selection,
    ) {
        query
            .push("select id, word_similarity(")
            .push_bind(self.resembling.clone())
            .push(", fold(title)) as rank from (select id, title from tasks where ");
        push_conditions(query, owner, selection);
        query.push(format_args!(
            " order by created_at desc, id desc limit {COMPARED}) as newest"
        ));
    }

    /// Each task that is ranked, with its rank.
    fn push_ranked(&self, query: &mut QueryBuilder<Postgres>, owner: Owner, selection: &Selection) {
        if self.is_fuzzy {
            query.push("ranked as materialized (select id, rank from (");
            self.push_resembling(query, owner, selection);
            query.push(") as resembling where rank >= ");
            query.push_bind(RESEMBLES).push(")");
            return;
        }
        query.push("newest as (select id, words from tasks join (");
        self.push_hits(query, owner);
        query.push(") as hits on task_id = id where ");
        push_conditions(query, owner, selection);
        query.push(format_args!(
            " order by created_at desc, id desc limit {RANKED}), ranked as materialized (select id, "
        ));
        // Longer texts count less.
        query.push("ts_rank(words, ");
        query.push_bind(self.wanted.clone()).push("::tsquery, 1)");
        if self.exact != self.wanted {
            // What has the whole word is better than what has one that begins with it.
            query.push(" + ts_rank(words, ");
            query.push_bind(self.exact.clone()).push("::tsquery, 1)");
        }
        query.push(" as rank from newest)");
    }
}

/// One page of what is found, by its rank.
pub(super) async fn list(
    conn: &mut PgConnection,
    owner: Owner,
    selection: &Selection,
    search: &Search,
    order: Order,
    after: Option<Position>,
    limit: u32,
) -> sqlx::Result<Page> {
    if search.exact.is_empty() && !search.is_fuzzy {
        return Ok(Page::default());
    }
    let mut query = QueryBuilder::new("with ");
    search.push_ranked(&mut query, owner, selection);
    query.push(" select tasks.*, rank from ranked join tasks using (id)");
    let (beyond, direction) = order.directions();
    if let Some(Position { key, id }) = after {
        query.push(format_args!(" where (rank, id) {beyond} ("));
        key.bind(&mut query);
        query.push(", ").push_bind(id).push(")");
    }
    query.push(format_args!(
        " order by rank {direction}, id {direction} limit "
    ));
    query.push_bind(i64::from(limit) + 1);
    // The plan is that of the words: some are rare.
    let rows = query.build().persistent(false).fetch_all(conn).await?;
    let mut tasks: Vec<Task> = tasks_of(&rows)?;
    let limit = limit as usize;
    let next = if tasks.len() > limit {
        tasks.truncate(limit);
        let rank = rows[limit - 1].try_get("rank")?;
        tasks.last().map(|task| Position {
            key: Key::Rank(rank),
            id: task.id,
        })
    } else {
        None
    };
    Ok(Page { tasks, next })
}
