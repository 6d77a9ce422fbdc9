-- Sessions: a log-in and the refresh tokens that follow from it (domain::refresh_token). Hashes are SHA-256.
create table sessions (
    id            uuid primary key,
    user_id       uuid not null references users on delete cascade,
    family_hash   bytea not null unique,   -- what all tokens of the session share
    token_hash    bytea not null,          -- the token that was not used yet
    used_hash     bytea,                   -- the one before, with what made its successor
    used_nonce    bytea,
    user_agent    text not null,
    address       text,                    -- where it was used last
    created_at    timestamptz not null default now(),
    last_used_at  timestamptz not null default now(),
    expires_at    timestamptz not null
);
-- The list, and the oldest of a user who has too many.
create index sessions_user on sessions (user_id, last_used_at);

-- Personal tokens of the API. A row goes with its token.
create table api_tokens (
    id           uuid primary key,
    user_id      uuid not null references users on delete cascade,
    name         text not null,
    hash         bytea not null unique,    -- SHA-256 of the token
    scopes       text[] not null,
    created_at   timestamptz not null default now(),
    expires_at   timestamptz,
    last_used_at timestamptz               -- to within a minute
);
create index api_tokens_user on api_tokens (user_id, created_at);

-- What an account that is exported or deleted has in its bin; the lists' indexes leave that out.
create index tasks_owner_deleted on tasks (owner_id, id) where deleted_at is not null;

-- The trail forgets one account, and nothing else: `audit_forget` alone asks for it.
create or replace function audit_is_append_only() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('todostack.audit_forgets', true) = 'yes' then
        return null;
    end if;
    raise exception 'audit is append-only' using errcode = 'insufficient_privilege';
end $$;

-- Deletes the lines of a user's account; how many.
create function audit_forget(account uuid) returns bigint language plpgsql as $$
declare
    lines bigint;
begin
    perform set_config('todostack.audit_forgets', 'yes', true);
    delete from audit where owner_id = account;
    get diagnostics lines = row_count;
    perform set_config('todostack.audit_forgets', 'no', true);
    return lines;
end $$;
revoke execute on function audit_forget(uuid) from public;

-- Forgotten passwords: the gateway asks, the notifications service makes the token, mails it, and keeps its
-- hash: nobody else ever has it.
create table password_resets (
    user_id         uuid primary key references users on delete cascade,
    requested_at    timestamptz not null,
    next_attempt_at timestamptz,           -- null: nothing is to be sent, any more
    token_hash      bytea unique,          -- SHA-256; null: none was made yet
    expires_at      timestamptz
);
create index password_resets_waiting on password_resets (next_attempt_at) where next_attempt_at is not null;
