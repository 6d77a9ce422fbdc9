-- The rows of one new task with one reminder, written by one statement: what Postgres by itself
-- needs for the work of `POST /v1/tasks`. Columns and sizes are those that the gateway writes (the
-- benchmark compares them); ids of tasks and events grow with time as its UUIDv7 do, the others do not.
-- No colon stands right before a letter or digit in here: pgbench would take what follows for a variable.
with ids as materialized (
    select ('00000000-0000-7000-8000-' || lpad(to_hex(:client_id::int), 12, '0'))::uuid as owner,
        overlay(gen_random_uuid()::text placing stamp || '-7' from 1 for 15)::uuid as task,
        overlay(gen_random_uuid()::text placing stamp || '-7' from 1 for 15)::uuid as event,
        gen_random_uuid() as reminder,
        gen_random_uuid() as notice,
        date_trunc('second', now()) + interval '30 days' as fire_at,
        now() as written
    from (select left(hex, 8) || '-' || right(hex, 4) as stamp
          from (select lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') as hex) as h) as s
), texts as materialized (
    select *,
        trim('"' from to_json(fire_at at time zone 'UTC')::text) || 'Z' as fire_text,
        trim('"' from to_json(written at time zone 'UTC')::text) || 'Z' as written_text
    from ids
), task as (
    insert into tasks (id, owner_id, title, description, priority, tags, reminders, created_at, updated_at, version)
    select task, owner, 'Water the plants on the balcony', '', 4, '{}',
        ('[{"at":"' || fire_text || '","channels":[]}]')::jsonb, written, written, 1
    from texts
), reminder as (
    insert into reminders (id, origin, owner_id, task_id, message, channels, fire_at)
    select reminder, 'api', owner, task, 'Water the plants on the balcony', '[]', fire_at
    from texts
)
insert into outbox (event_id, topic, subject, shard, event)
select event, 'task-events', task::text, (hashtext(task::text) & 15)::smallint,
    ('{"specversion":"1.0","id":"' || event || '","source":"","type":"task.created","subject":"' || task
     || '","time":"' || written_text || '","datacontenttype":"application/json",'
     || '"dataschema":"https://todostack.dev/schemas/task.created/v1","owner":"' || owner
     || '","data":{"id":"' || task || '","owner":"' || owner
     || '","title":"Water the plants on the balcony","description":"","priority":"P4","tags":[],'
     || '"reminders":[{"at":"' || fire_text || '","channels":[]}],"createdAt":"' || written_text
     || '","updatedAt":"' || written_text || '","version": 1}}')::jsonb
from texts
union all
select notice, 'task-updates', task::text, (hashtext(task::text) & 15)::smallint,
    ('{"specversion":"1.0","id":"' || notice || '","source":"","type":"task.created","subject":"' || task
     || '","time":"' || written_text || '","datacontenttype":"application/json",'
     || '"dataschema":"https://todostack.dev/schemas/task.created/v1","owner":"' || owner
     || '","data":{"taskId":"' || task || '","version": 1}}')::jsonb
from texts;
