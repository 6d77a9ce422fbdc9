-- When each delivered reminder due at $1 passed each stage; also for the load on the cluster (e2e).
select f.reminder_id, f.fired_at, o.created_at as written_at, o.published_at,
    d.created_at as planned_at, d.delivered_at as recorded_at
from reminders r
join firings f on f.reminder_id = r.id
join deliveries d on d.reminder_id = r.id
join outbox o on o.topic = 'reminders' and o.event->>'type' = 'reminder.due'
    and (o.event->'data'->>'reminderId')::uuid = r.id
where r.fire_at = $1
