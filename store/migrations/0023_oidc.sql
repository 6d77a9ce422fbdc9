-- Log-in at other issuers by OpenID Connect: who a user is there (store::identities).
create table identities (
    id           uuid primary key,
    user_id      uuid not null references users on delete cascade,
    issuer       text not null,           -- `iss` and `sub` together never name another person (Core 1.0, §5.7)
    subject      text not null,
    email        text,                    -- what the issuer said at the last log-in, for the list
    created_at   timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    unique (issuer, subject)
);
create index identities_user on identities (user_id, created_at);

-- Since when it is known that mail to the address reaches the user: an issuer said so, or a link of an e-mail was
-- followed. Whoever signs up can name any address. An account without a password has an empty hash.
alter table users add column email_proved_at timestamptz;
