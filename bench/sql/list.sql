-- The first page of a user's open tasks, as store/src/tasks/list.rs asks for it: one more than the 50
-- that are shown tells whether there is a next page.
select * from tasks
where deleted_at is null and owner_id = '00000000-0000-7000-8000-000000000000'::uuid
    and completed_at is null
order by created_at asc, id asc limit 51;
