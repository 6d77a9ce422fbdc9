-- The trail by months of its events' time: retention drops whole months. An event's time is fixed by the
-- event, so that (event_id, time) is the same however often it comes.

drop trigger audit_is_append_only on audit;
drop index audit_owner, audit_subject, audit_reminder;
alter table audit drop constraint audit_pkey, drop constraint audit_event_id_key;
alter table audit rename to audit_whole;

create sequence audit_seq;
create table audit (
    seq         bigint not null default nextval('audit_seq'),
    event_id    uuid not null,
    type        text not null,
    subject     text not null,
    owner_id    uuid,
    actor_type  text,           -- domain::event::Actor; null: written before it was told
    actor_id    text,
    time        timestamptz not null,
    data        jsonb not null,
    recorded_at timestamptz not null default now()
) partition by range (time);
alter sequence audit_seq owned by audit.seq;

-- What no month is made for: nothing is lost. `audit_maintain` moves it to its month.
create table audit_default partition of audit default;

create or replace function audit_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'audit is append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger audit_is_append_only before update or delete or truncate on audit
    for each statement execute function audit_is_append_only();
create trigger audit_is_append_only before update or delete or truncate on audit_default
    for each statement execute function audit_is_append_only();

-- Makes the partition of a month (its first day), with what of it lies in the default partition. Attached
-- and not created in place, so that nobody waits who reads or writes other months.
create function audit_make_month(month date) returns void language plpgsql as $$
declare
    part text := to_char(month, '"audit_"YYYY_MM');
    since timestamptz := month::timestamp at time zone 'UTC';
    until timestamptz := (month + interval '1 month') at time zone 'UTC';
begin
    if to_regclass(part) is not null then
        return;
    end if;
    lock table audit_default in access exclusive mode;
    execute format('create table %I (like audit including all)', part);
    if exists (select 1 from audit_default where time >= since and time < until) then
        alter table audit_default disable trigger audit_is_append_only;
        execute format('with moved as (delete from audit_default where time >= $1 and time < $2 returning *)
                        insert into %I select * from moved', part) using since, until;
        alter table audit_default enable trigger audit_is_append_only;
    end if;
    execute format('alter table audit attach partition %I for values from (%L) to (%L)', part, since, until);
    execute format('create trigger audit_is_append_only before update or delete or truncate on %I
                    for each statement execute function audit_is_append_only()', part);
end $$;

do $$
begin
    perform audit_make_month(month::date) from generate_series(
        (select greatest(min(time at time zone 'UTC'), (now() at time zone 'UTC') - interval '60 months')
         from audit_whole having count(*) > 0),
        (now() at time zone 'UTC') + interval '3 months', interval '1 month') as months (at),
        date_trunc('month', at) as month;
    perform audit_make_month(month::date) from generate_series(0, 3) as ahead,
        date_trunc('month', (now() at time zone 'UTC') + make_interval(months => ahead)) as month;
end $$;

insert into audit (seq, event_id, type, subject, owner_id, time, data, recorded_at)
select seq, event_id, type, subject, owner_id, time, data, recorded_at from audit_whole order by seq;
select setval('audit_seq', (select coalesce(max(seq), 0) + 1 from audit_whole), false);
drop table audit_whole;

alter table audit add primary key (event_id, time);
create index audit_owner on audit (owner_id, seq);
create index audit_owner_type on audit (owner_id, type, seq);
create index audit_owner_time on audit (owner_id, time);
create index audit_subject on audit (subject, seq);
-- What happened to one reminder (store::reminders::history).
create index audit_reminder on audit ((data->>'reminderId'), seq) where data->>'reminderId' is not null;

-- Keeps the trail: makes the months ahead and those of rows that lie in the default partition, and drops
-- the months that ended more than `retention_days` ago. How many it dropped. Runs as the trail's owner,
-- for the writer may do nothing but append; so it refuses to forget what is young.
create function audit_maintain(retention_days int) returns int
    language plpgsql security definer set lock_timeout = '2s' as $$
declare
    months date[];
    month date;
    over text[];
    part text;
    dropped int := 0;
begin
    if retention_days is null or retention_days < 30 then
        raise exception 'the audit trail is kept for 30 days at least, not %', retention_days;
    end if;
    -- One process at a time; the others need do nothing.
    if not pg_try_advisory_xact_lock(hashtext('audit_maintain'), 0) then
        return 0;
    end if;
    -- Read whole before anything is changed: a table that a query still reads cannot be.
    months := array(
        select date_trunc('month', (now() at time zone 'UTC') + make_interval(months => ahead))::date
        from generate_series(0, 3) as ahead
        union
        (select distinct date_trunc('month', time at time zone 'UTC')::date from audit_default
         where time between '0001-01-01T00:00:00Z' and '9999-01-01T00:00:00Z' limit 24));
    foreach month in array months loop
        perform audit_make_month(month);
    end loop;
    over := array(
        select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'audit'::regclass and c.relname ~ '^audit_[0-9]{4}_[0-9]{2}$'
            and (to_date(substr(c.relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC'
                <= now() - make_interval(days => retention_days));
    foreach part in array over loop
        execute format('drop table %I', part);
        dropped := dropped + 1;
    end loop;
    return dropped;
end $$;
revoke execute on function audit_maintain(int) from public;
revoke execute on function audit_make_month(date) from public;
do $$
begin
    -- A definer's function must not find a caller's tables by these names.
    execute format('alter function audit_maintain(int) set search_path = %I, pg_temp', current_schema());
end $$;

-- The role that the audit service writes as: INSERT and SELECT, nothing else. Roles belong to the whole
-- server, hence the number of the database.
create function audit_role() returns text language sql stable as $$
    select 'todostack_audit_' || oid from pg_database where datname = current_database()
$$;

-- Makes that role and gives it its rights; called after each migration, for a restored database has another
-- number. Null, or why it cannot: then the triggers alone keep the trail append-only.
create function audit_grant() returns text language plpgsql as $$
declare
    writer text := audit_role();
    before text := current_setting('role');
    stale text;
begin
    if not exists (select 1 from pg_roles where rolname = writer) then
        begin
            execute format('create role %I nologin', writer);
            -- Since Postgres 16 who makes a role may not take it on by that alone.
            execute format('grant %I to %I', writer, current_user);
        exception when duplicate_object or unique_violation then
            null; -- another process was faster
        end;
    end if;
    execute format('grant usage on schema %I to %I', current_schema(), writer);
    execute format('grant insert, select on audit to %I', writer);
    execute format('grant usage on sequence audit_seq to %I', writer);
    execute format('grant execute on function audit_maintain(int) to %I', writer);
    for stale in
        select distinct r.rolname from pg_class c, aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
        where c.oid = 'audit'::regclass and r.rolname ~ '^todostack_audit_[0-9]+$' and r.rolname <> writer
    loop
        execute format('revoke all on audit, audit_seq from %I', stale);
        execute format('revoke all on function audit_maintain(int) from %I', stale);
    end loop;
    perform set_config('role', writer, true);
    perform set_config('role', before, true);
    return null;
exception when insufficient_privilege then
    return sqlerrm;
end $$;

-- Takes that role on until the end of the transaction. False where there is none, or not for this user.
create function audit_assume() returns boolean language plpgsql as $$
begin
    -- `"$user"` would become another schema with the role.
    perform set_config('search_path', quote_ident(current_schema()), true);
    perform set_config('role', audit_role(), true);
    return true;
exception when insufficient_privilege or undefined_object or invalid_parameter_value then
    return false;
end $$;
