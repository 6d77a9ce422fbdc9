-- Answers to requests that came with an Idempotency-Key, each written in the transaction of what it tells of.
-- The relay removes them after a day (store::idempotency::KEPT).
create table idempotency_keys (
    user_id     uuid not null references users on delete cascade,
    key         text not null check (octet_length(key) between 1 and 255),
    fingerprint bytea not null,            -- SHA-256 of the method, the path with its query, and the body
    status      smallint not null,
    headers     jsonb not null,            -- [[name, value], …]
    body        bytea not null,
    created_at  timestamptz not null,
    primary key (user_id, key)
);
-- What is over.
create index idempotency_keys_created on idempotency_keys (created_at);
