//! How many requests a caller may make: each user, and each address for what nobody has logged in for.
//!
//! A caller has a bucket of as many tokens as the limit says, which fills up evenly over its time; a
//! request takes one. The buckets are this process's, so that counting costs a request no more than a
//! look into a map; [`share`] makes those of which much was taken one with the other gateways'.

mod bucket;
mod share;

use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::Response,
};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::Error;

pub(crate) use bucket::Buckets;
pub use share::share_rate_limits;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");

/// The headers, for documents and browsers.
pub(crate) const HEADERS: [HeaderName; 2] = [POLICY, STANDING];

/// Namespace of the hashes by which addresses are known.
const ADDRESSES: Uuid = Uuid::from_u128(0x52b0_4c1b_6c1d_4d7b_8f5f_0c6d_9f0a_3b77);

/// Bits of an IPv6 address that are one party's: who has a line has all that begins so (RFC 6177).
const IPV6_PREFIX: u32 = 64;

/// At most so many requests in so much time: `600/60`, requests and seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    requests: u32,
    seconds: u32,
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/');
        let numbers = numbers.map(|(requests, seconds)| (requests.parse(), seconds.parse()));
        match numbers {
            Some((Ok(requests @ 1..=1_000_000), Ok(seconds @ 1..=86_400))) => {
                Ok(Self { requests, seconds })
            }
            _ => Err(format!(
                "{text:?} must be requests and seconds such as 600/60: 1 to 1000000, and 1 to 86400"
            )),
        }
    }
}

impl Limit {
    /// Microseconds in which an empty bucket is full.
    fn whole(self) -> i64 {
        i64::from(self.seconds) * 1_000_000
    }

    /// Microseconds in which one token comes.
    fn token(self) -> i64 {
        (self.whole() / i64::from(self.requests)).max(1)
    }
}

/// The limits of a stack; none: as many as anybody likes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Of each user.
    pub user: Option<Limit>,
    /// Of each address, for requests without a user: log-ins, sign-ups, tokens that are not valid.
    pub address: Option<Limit>,
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    User(Uuid),
    Address(Option<IpAddr>),
}

impl Caller {
    fn subject(self) -> Uuid {
        let address = match self {
            Self::User(id) => return id,
            Self::Address(None) => "unknown".to_owned(),
            Self::Address(Some(IpAddr::V4(address))) => address.to_string(),
            Self::Address(Some(IpAddr::V6(address))) => {
                let prefix = address.to_bits() & (u128::MAX << (128 - IPV6_PREFIX));
                Ipv6Addr::from_bits(prefix).to_string()
            }
        };
        Uuid::new_v5(&ADDRESSES, address.as_bytes())
    }

    /// The name of its policy.
    fn policy(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Address(_) => "address",
        }
    }
}

/// Counts requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct RateLimiter {
    limits: RateLimits,
    buckets: Buckets,
}

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        let buckets = Buckets::default();
        Self { limits, buckets }
    }

    /// Counts a request of `caller`, and answers how they stand; none: they have no limit.
    ///
    /// # Errors
    /// How they stand, when they have made too many: then it is not counted.
    pub(crate) fn take(
        &self,
        caller: Caller,
        now: DateTime<Utc>,
    ) -> Result<Option<Standing>, Standing> {
        let limit = match caller {
            Caller::User(_) => self.limits.user,
            Caller::Address(_) => self.limits.address,
        };
        let Some(limit) = limit else {
            return Ok(None);
        };
        let standing = |missing| Standing {
            policy: caller.policy(),
            limit,
            missing,
        };
        let now = now.timestamp_micros();
        match self.buckets.take(caller.subject(), limit, now) {
            Ok(missing) => Ok(Some(standing(missing))),
            Err(missing) => Err(standing(missing)),
        }
    }
}

/// What counts for a request that is part of another one: the first one of its parts is paid for with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prepaid(Arc<AtomicBool>);

impl Prepaid {
    /// Whether nothing was paid with it so far.
    pub(crate) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }
}

/// How a caller stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    policy: &'static str,
    limit: Limit,
    /// Microseconds until the bucket is full.
    missing: i64,
}

impl Standing {
    /// Requests that are left now.
    fn left(&self) -> i64 {
        (self.limit.whole() - self.missing).max(0) / self.limit.token()
    }

    /// For how long nothing is left.
    fn wait(&self) -> Duration {
        let over = self.missing + self.limit.token() - self.limit.whole();
        Duration::from_micros(u64::try_from(over).unwrap_or(0))
    }

    /// The answer to who has made too many requests.
    pub(crate) fn refusal(&self) -> Error {
        // Rounded up: who waits as long as told is served.
        let seconds = self.wait().as_micros().div_ceil(1_000_000).max(1);
        let Limit {
            requests,
            seconds: per,
        } = self.limit;
        let whose = match self.policy {
            "user" => "each user",
            _ => "each address without a log-in",
        };
        Error::retry_after(
            StatusCode::TOO_MANY_REQUESTS,
            format!("at most {requests} requests in {per} s for {whose}; try again in {seconds} s"),
            u64::try_from(seconds).unwrap_or(u64::MAX),
        )
    }

    /// Tells it to the caller (draft-ietf-httpapi-ratelimit-headers).
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let Self { policy, limit, .. } = self;
        let full = self.missing.max(0).unsigned_abs().div_ceil(1_000_000);
        let values = [
            format!("\"{policy}\";q={};w={}", limit.requests, limit.seconds),
            format!("\"{policy}\";r={};t={full}", self.left()),
        ];
        for (name, value) in HEADERS.into_iter().zip(values) {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }

    /// Tells it in an answer.
    pub(crate) fn told(self, mut response: Response) -> Response {
        self.write(response.headers_mut());
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> RateLimiter {
        let limit = Some("60/30".parse().unwrap());
        RateLimiter::new(RateLimits {
            user: limit,
            address: limit,
        })
    }

    #[test]
    fn a_limit_is_requests_and_seconds() {
        let limit: Limit = "600/60".parse().unwrap();
        assert_eq!((limit.requests, limit.seconds), (600, 60));
        for wrong in [
            "",
            "600",
            "0/60",
            "600/0",
            "-1/60",
            "600/60s",
            "1/86401",
            "1000001/1",
        ] {
            let error = wrong.parse::<Limit>().unwrap_err();
            assert!(error.contains("such as 600/60"), "{error}");
        }
    }

    #[test]
    fn callers_are_counted_each_by_themselves() {
        let limiter = limiter();
        let now = Utc::now();
        let ada = Caller::User(Uuid::from_u128(1));
        for _ in 0..60 {
            limiter.take(ada, now).unwrap();
        }
        let standing = limiter.take(ada, now).unwrap_err();
        assert_eq!(standing.wait(), Duration::from_millis(500));
        limiter.take(Caller::User(Uuid::from_u128(2)), now).unwrap();
        limiter.take(Caller::Address(None), now).unwrap();
    }

    #[test]
    fn one_line_is_one_address() {
        let subject = |text: &str| Caller::Address(Some(text.parse().unwrap())).subject();
        assert_eq!(subject("2001:db8::1"), subject("2001:db8:0:0:ffff::2"));
        assert_ne!(subject("2001:db8::1"), subject("2001:db8:0:1::1"));
        assert_ne!(subject("192.0.2.1"), subject("192.0.2.2"));
    }

    #[test]
    fn the_headers_say_what_is_left_and_when_all_is_there_again() {
        let now = Utc::now();
        let limiter = limiter();
        let caller = Caller::User(Uuid::nil());
        let mut headers = HeaderMap::new();
        for _ in 0..3 {
            let standing = limiter.take(caller, now).unwrap().unwrap();
            standing.write(&mut headers);
        }
        assert_eq!(headers["ratelimit-policy"], "\"user\";q=60;w=30");
        assert_eq!(headers["ratelimit"], "\"user\";r=57;t=2");
    }
}
