-- :events new tasks and as many reminders that are due, with their events waiting in the outbox: a
-- backlog for the relay, and behind it for each consumer. All of this database's users are user 0 to 99.
set synchronous_commit = off;
insert into tasks (id, owner_id, title, reminders, created_at, updated_at)
select md5('e' || n)::uuid, ('00000000-0000-7000-8000-' || lpad(to_hex(n % 100), 12, '0'))::uuid,
    'Water the plants on the balcony', '[]', now(), now()
from generate_series(1, :events) as n;

insert into reminders (id, origin, owner_id, task_id, message, fire_at, phase, fired_at)
select md5('f' || n)::uuid, 'api', ('00000000-0000-7000-8000-' || lpad(to_hex(n % 100), 12, '0'))::uuid,
    md5('e' || n)::uuid, 'Water the plants on the balcony', now(), 'Fired', now()
from generate_series(1, :events) as n;

insert into outbox (event_id, topic, subject, shard, event)
select md5(kind || n)::uuid, topic, md5('e' || n)::uuid, (hashtext((md5('e' || n)::uuid)::text) & 15)::smallint,
    jsonb_build_object('specversion', '1.0', 'id', md5(kind || n)::uuid, 'source', '', 'type', kind,
        'subject', md5('e' || n)::uuid, 'time', at,
        'datacontenttype', 'application/json',
        'dataschema', 'https://todostack.dev/schemas/' || kind || '/v1',
        'owner', '00000000-0000-7000-8000-' || lpad(to_hex(n % 100), 12, '0'),
        'data', case kind when 'task.created' then jsonb_build_object(
            'id', md5('e' || n)::uuid, 'owner', '00000000-0000-7000-8000-' || lpad(to_hex(n % 100), 12, '0'),
            'title', 'Water the plants on the balcony', 'description', '', 'priority', 'P4',
            'tags', '[]'::jsonb, 'reminders', '[]'::jsonb, 'version', 1,
            'createdAt', at,
            'updatedAt', at)
        else jsonb_build_object(
            'reminderId', md5('f' || n)::uuid, 'occurrence', 0, 'generation', 1, 'taskId', md5('e' || n)::uuid,
            'message', 'Water the plants on the balcony', 'channels', '[]'::jsonb, 'latenessMs', 3,
            'fireAt', at,
            'firedAt', at) end)
from generate_series(1, :events) as n,
    (values ('task.created', 'task-events'), ('reminder.due', 'reminders')) as kinds (kind, topic),
    (select trim('"' from to_json(now() at time zone 'UTC')::text) || 'Z' as at) as clock;
vacuum (analyze);
