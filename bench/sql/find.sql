-- :owners users with :tasks tasks each: words of a vocabulary of some thousand, of which few are frequent, and
-- of each kind that can be filtered by some. Triggers are off: what they write is written here, all at once.
set synchronous_commit = off;
set session_replication_role = replica;
create function pg_temp.word(seed int) returns text language sql immutable as $$
    -- The n-th word is as frequent as 1/n, about.
    select w || case when rank >= 26 then w2 else '' end || case when rank >= 676 then w || 'n' else '' end
    from (select floor(exp(random() * ln(3000)))::int as rank) as r,
        lateral (select (array['wash','meet','call','plan','read','mail','bake','sort','mend','draw','walk','clean','paint',
            'order','check','learn','write','visit','print','build','carry','water','count','train','teach','pack'])
            [rank % 26 + 1] as w,
            (array['er','ing','ment','ful','ness','ly','able','less','ist','ism','ward','wise','dom','hood','ship','age',
            'ance','ery','ette','ion','ity','ive','ize','ous','ster','y'])[(rank / 26) % 26 + 1] as w2) as words
    where seed is not null
$$;
insert into tasks (id, owner_id, title, description, priority, tags, due_at, due_local, due_zone, recurrence,
    reminders, completed_at, created_at, updated_at)
select gen_random_uuid(), ('00000000-0000-7000-8000-' || lpad(to_hex(owner), 12, '0'))::uuid,
    pg_temp.word(n) || ' the ' || pg_temp.word(n) || ' and ' || pg_temp.word(n),
    'Then ' || pg_temp.word(n) || ', ' || pg_temp.word(n) || ' or ' || pg_temp.word(n),
    1 + n % 4, array['home', 'tag' || n % 20],
    case when n % 5 > 0 then due end, case when n % 5 > 0 then due at time zone 'UTC' end,
    case when n % 5 > 0 then 'UTC' end,
    case when n % 50 = 1 then jsonb_build_object('start', '2026-01-01T09:00:00', 'rrule', 'FREQ=DAILY') end,
    case when n % 3 = 0 then '[{"beforeSeconds":3600,"channels":[]}]' else '[]' end::jsonb,
    case when n % 4 = 0 then at + interval '1 hour' end, at, at + interval '1 hour'
from (select owner, n, date_trunc('second', now()) - n * interval '5 minutes' as at,
        date_trunc('second', now()) + (n - :tasks / 10) * interval '7 minutes' as due
      from generate_series(0, :owners - 1) as owner, generate_series(1, :tasks) as n) as made;
insert into task_words (owner_id, task_id, words)
select owner_id, id, words_of('simple', title, tags, description) from tasks;
vacuum (analyze) tasks, task_words;
checkpoint;
