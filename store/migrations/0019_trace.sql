-- The trace of the write that a reminder follows from (domain::trace), for its firing and what is sent of it.
alter table reminders add column trace jsonb;
alter table deliveries add column trace jsonb;
