-- Finding tasks: texts compared without regard to case, and an index for each order that had none.

-- ICU knows the letters of every script. A server that was built without it compares titles byte by byte,
-- and letters as its newest other provider does.
do $$
declare
    letters text := (select quote_ident(collname) from pg_collation
        where collnamespace = 'pg_catalog'::regnamespace and collname in ('und-x-icu', 'pg_c_utf8')
        order by collname desc limit 1);
begin
    if letters = '"und-x-icu"' then
        create collation title_order (provider = icu, locale = 'und');
    else
        create collation title_order from "C";
    end if;
    -- Each letter by itself, as domain::filter has it: no Σ becomes the ς of the end of a word.
    execute format(
        'create function small_letters(text) returns text language sql immutable strict parallel safe
             return lower(replace($1, ''Σ'', ''σ'') collate %s)', coalesce(letters, '"default"'));
end $$;

create index tasks_owner_updated on tasks (owner_id, updated_at, id) where deleted_at is null;
create index tasks_owner_completed on tasks (owner_id, completed_at, id)
    where completed_at is not null and deleted_at is null;
create index tasks_owner_title on tasks (owner_id, (left(title, 100) collate title_order), id)
    where deleted_at is null;
