-- Filters that users keep by a name (store::saved_filters).

create table saved_filters (
    id          uuid primary key,
    owner_id    uuid not null references users on delete cascade,
    name        text not null,
    filter      text not null,  -- the canonical text of a domain::filter::Filter
    sort        text,           -- store::tasks::Sort
    descending  boolean,
    is_favorite boolean not null default false,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    version     bigint not null default 1,
    changed_tx  bigint not null default pg_current_xact_id()::text::bigint  -- store::sync
);
-- At most 100 a user, which are sorted.
create index saved_filters_owner on saved_filters (owner_id);
create trigger saved_filters_changed before update on saved_filters for each row execute function changed_touch();

alter table tombstones
    drop constraint tombstones_kind_check,
    add constraint tombstones_kind_check check (kind in ('project', 'filter'));

-- What projects_bury did for projects, of whatever kind the trigger names.
create function bury() returns trigger language plpgsql as $$
begin
    delete from tombstones
    where owner_id = old.owner_id and kind = tg_argv[0] and deleted_at < now() - interval '90 days';
    -- Not when the account itself is being deleted.
    insert into tombstones (owner_id, kind, id)
    select old.owner_id, tg_argv[0], old.id from users where id = old.owner_id
    on conflict do nothing;
    return null;
end $$;
drop trigger projects_bury on projects;
create trigger projects_bury after delete on projects for each row execute function bury('project');
drop function projects_bury();
create trigger saved_filters_bury after delete on saved_filters for each row execute function bury('filter');
