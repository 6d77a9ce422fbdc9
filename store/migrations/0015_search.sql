-- Full-text search (docs/search.md). All three extensions are trusted: the owner of the database creates them.

create extension if not exists btree_gin;  -- owner and words in one index
create extension if not exists pg_trgm;    -- mistakes in typing
create extension if not exists unaccent;   -- letters without their accents

-- A configuration of text search: domain::language.
alter table users add column language text not null default 'simple';
-- Words that are still to be written, after a change of language, or because the task is older than this
-- table (store::tasks::reword_step). The default is not volatile: those who are there get it, and no row is
-- written.
alter table users
    add column reword_after uuid,
    add column reword_since timestamptz default now();
alter table users alter column reword_since drop default;
create index users_reword on users (reword_since) where reword_since is not null;

-- A table of their own: a task is listed, completed and moved without its words. No foreign key: the
-- triggers below write and delete each row, and looking up the task would cost its creation more than they do.
create table task_words (
    owner_id uuid not null,
    task_id  uuid not null,
    words    tsvector not null,
    primary key (owner_id, task_id)
);
-- Each search reads the list of new entries that are not in the index proper yet: a short one.
create index task_words_found on task_words using gin (owner_id, words)
    with (gin_pending_list_limit = 256);

-- Small letters without accents; also dashes and quotes that are not of ASCII become those that are.
-- Before words are told apart: a database of the locale C takes other signs than ASCII's for letters.
create function fold(text) returns text language sql stable strict parallel safe as
    $$ select unaccent('unaccent', small_letters($1)) $$;

-- The words of a task: of the title before tags before the description.
create function words_of(language text, title text, tags text[], description text) returns tsvector
    language sql stable parallel safe as
$$
    select setweight(to_tsvector(language::regconfig, fold(title)), 'A')
        || case when tags = '{}' then '' else
            setweight(to_tsvector(language::regconfig, fold(array_to_string(tags, ' . '))), 'B') end
        || case when description = '' then '' else
            to_tsvector(language::regconfig, fold(description)) end
$$;

-- By triggers, so that no write can forget it, that of a version before included. Who writes a task keeps its
-- owner's row from changing, the language included.
create function tasks_word() returns trigger language plpgsql as $$
begin
    insert into task_words (owner_id, task_id, words)
    select new.owner_id, new.id, words_of(language, new.title, new.tags, new.description)
    from users where id = new.owner_id
    on conflict (owner_id, task_id) do update set words = excluded.words;
    return null;
end $$;
create trigger tasks_worded after insert on tasks for each row execute function tasks_word();
create trigger tasks_reworded after update of title, tags, description on tasks for each row
    when (old.title <> new.title or old.tags <> new.tags or old.description <> new.description)
    execute function tasks_word();

create function tasks_unword() returns trigger language plpgsql as $$
begin
    delete from task_words where owner_id = old.owner_id and task_id = old.id;
    return null;
end $$;
create trigger tasks_unworded after delete on tasks for each row execute function tasks_unword();
