-- Delta sync (store::sync): which transaction changed a row last, and what is not there any more.

-- A number and no xid8: drivers know bigint, so that `select *` of the version before goes on as it was.
-- The default is not volatile: no row is written anew, those that are there have the id of this transaction.
alter table tasks add column changed_tx bigint not null default pg_current_xact_id()::text::bigint;
alter table projects add column changed_tx bigint not null default pg_current_xact_id()::text::bigint;

-- A user's changes in the order of their transactions. Of projects there are at most 500 a user: those of
-- projects_owner are sorted.
create index tasks_changed on tasks (owner_id, changed_tx, id);

-- By a trigger, so that no write can forget it, that of a version before included.
create function changed_touch() returns trigger language plpgsql as $$
begin
    new.changed_tx := pg_current_xact_id()::text::bigint;
    return new;
end $$;
create trigger tasks_changed before update on tasks for each row execute function changed_touch();
create trigger projects_changed before update on projects for each row execute function changed_touch();

-- What was deleted for good. Tasks need none: theirs is the row with `deleted_at`.
create table tombstones (
    owner_id   uuid not null references users on delete cascade,
    kind       text not null check (kind in ('project')),
    id         uuid not null,
    deleted_at timestamptz not null default now(),
    changed_tx bigint not null default pg_current_xact_id()::text::bigint,
    primary key (owner_id, kind, changed_tx, id)
);

-- Older ones go by the way: no token is that old (store::sync::KEPT).
create function projects_bury() returns trigger language plpgsql as $$
begin
    delete from tombstones
    where owner_id = old.owner_id and kind = 'project' and deleted_at < now() - interval '90 days';
    -- Not when the account itself is being deleted.
    insert into tombstones (owner_id, kind, id)
    select old.owner_id, 'project', old.id from users where id = old.owner_id
    on conflict do nothing;
    return null;
end $$;
create trigger projects_bury after delete on projects for each row execute function projects_bury();
