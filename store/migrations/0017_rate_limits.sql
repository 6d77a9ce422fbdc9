-- Token buckets of callers that have used much of theirs (store::rate_limits), shared by all gateways.
-- Unlogged: after a crash of the server everybody has a full one again. Without an index on `until`: it
-- changes with every write, which would then write the indexes too, and few callers are in here.
create unlogged table rate_limits (
    subject uuid primary key,        -- the user, or the hash of an address
    until   timestamptz not null     -- when the bucket is full again
);
