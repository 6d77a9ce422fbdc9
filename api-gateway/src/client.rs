//! Which address a request comes from, behind proxies too.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, header::FORWARDED, request::Parts},
};
use ipnet::IpNet;

use crate::state::Gateway;

/// The de-facto header that lists addresses, the client's first.
const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies whose word on their clients is taken: networks such as `10.0.0.0/8`, comma-separated.
/// None: every request comes from who connects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| {
                let one = part.parse::<IpAddr>().map(IpNet::from);
                part.parse().or(one).map_err(|_| {
                    format!("{part:?} is not a network such as 10.0.0.0/8 or fd00::/8")
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl TrustedProxies {
    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }

    /// The address that the request of `peer` comes from: the last one in the headers that is not a
    /// trusted proxy's, for what stands before it anybody may have written. `peer` itself where it is
    /// not trusted, where the headers cannot be read that far, and where they contradict each other: a
    /// proxy that writes one of them hands on what its client wrote into the other.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return peer;
        }
        let chains = [
            (headers.contains_key(FORWARDED), forwarded(headers)),
            (headers.contains_key(X_FORWARDED_FOR), listed(headers)),
        ];
        let mut clients = chains
            .into_iter()
            .filter_map(|(is_there, chain)| is_there.then(|| self.last_stranger(&chain)));
        match (clients.next(), clients.next()) {
            (Some(one), Some(other)) if one != other => None,
            (one, _) => one.flatten(),
        }
        .unwrap_or(peer)
    }

    /// The last address that is not trusted, or the first where all are.
    fn last_stranger(&self, chain: &[Option<IpAddr>]) -> Option<IpAddr> {
        let mut first = None;
        for hop in chain.iter().rev() {
            let address = (*hop)?;
            if !self.contains(address) {
                return Some(address);
            }
            first = Some(address);
        }
        first
    }
}

/// The addresses of `X-Forwarded-For`; none for what is not one.
fn listed(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .flat_map(|value| match value.to_str() {
            Ok(text) => text.split(',').map(address).collect(),
            Err(_) => vec![None],
        })
        .collect()
}

/// The addresses of `Forwarded` (RFC 7239 §4, §6): of each element its `for`; none where that is
/// missing, `unknown`, or made up.
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    headers
        .get_all(FORWARDED)
        .iter()
        .flat_map(|value| {
            let elements = value.to_str().ok().and_then(|text| split(text, ','));
            let Some(elements) = elements else {
                return vec![None];
            };
            elements.into_iter().map(node).collect()
        })
        .collect()
}

fn node(element: &str) -> Option<IpAddr> {
    let pairs = split(element, ';')?;
    let mut names = pairs
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, value) = names.next()?;
    // Each parameter stands once (§4).
    if names.next().is_some() {
        return None;
    }
    let value = value.trim();
    let plain = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    address(plain.unwrap_or(value))
}

/// Splits outside of quoted strings (RFC 9110 §5.6.4); none where a quote is not closed.
fn split(text: &str, at: char) -> Option<Vec<&str>> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (place, sign) in text.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if sign == at && !quoted => {
                parts.push(&text[start..place]);
                start = place + at.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted).then_some(parts)
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:4711`, `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse()
        .or_else(|_| text.parse().map(|at: SocketAddr| at.ip()))
        .map(|address: IpAddr| address.to_canonical())
        .ok()
}

/// The address that a request comes from, where the server knows it.
pub(crate) struct Client(pub(crate) Option<IpAddr>);

impl FromRequestParts<Gateway> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(peer.map(|ConnectInfo(peer)| {
            gateway.proxies.client(peer.ip(), &parts.headers)
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let trusted: TrustedProxies = "10.0.0.0/8, fd00::/8,192.0.2.7".parse().unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        trusted.client(peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn the_last_address_that_is_no_proxys_is_the_clients() {
        for (name, value, expected) in [
            ("x-forwarded-for", "203.0.113.5", "203.0.113.5"),
            // What the client itself wrote stands before.
            (
                "x-forwarded-for",
                "198.51.100.1, 203.0.113.5",
                "203.0.113.5",
            ),
            (
                "x-forwarded-for",
                "nonsense, 203.0.113.5, 10.1.1.1",
                "203.0.113.5",
            ),
            (
                "x-forwarded-for",
                "203.0.113.5:4711, 192.0.2.7",
                "203.0.113.5",
            ),
            ("x-forwarded-for", "[2001:db8::1]:4711", "2001:db8::1"),
            ("x-forwarded-for", "::ffff:203.0.113.5", "203.0.113.5"),
            ("x-forwarded-for", "10.9.9.9, 10.1.1.1", "10.9.9.9"),
            ("forwarded", "for=203.0.113.5", "203.0.113.5"),
            (
                "forwarded",
                "by=10.0.0.1; For=\"[2001:db8::1]:4711\";proto=https",
                "2001:db8::1",
            ),
            (
                "forwarded",
                "for=198.51.100.1;host=\"a,b;for=1.1.1.1\", for=203.0.113.5",
                "203.0.113.5",
            ),
        ] {
            assert_eq!(client(PROXY, &[(name, value)]), expected, "{name}: {value}");
        }
        let lines = [
            ("x-forwarded-for", "198.51.100.1"),
            ("x-forwarded-for", "203.0.113.5"),
        ];
        assert_eq!(client(PROXY, &lines), "203.0.113.5");
        assert_eq!(client("::ffff:10.0.0.1", &lines), "203.0.113.5");
    }

    #[test]
    fn what_cannot_be_read_or_contradicts_itself_is_the_proxys_own() {
        for (name, value) in [
            ("x-forwarded-for", ""),
            ("x-forwarded-for", "unknown"),
            ("x-forwarded-for", "203.0.113.5, x, 10.1.1.1"),
            ("forwarded", "for=unknown"),
            ("forwarded", "for=_hidden"),
            ("forwarded", "proto=https"),
            ("forwarded", "for=203.0.113.5;for=198.51.100.1"),
            // A quote that the client opened must not swallow what the proxy adds.
            ("forwarded", "for=198.51.100.1;host=\", for=203.0.113.5"),
        ] {
            assert_eq!(client(PROXY, &[(name, value)]), PROXY, "{name}: {value}");
        }
        let mut both = [
            ("forwarded", "for=198.51.100.1"),
            ("x-forwarded-for", "203.0.113.5"),
        ];
        assert_eq!(client(PROXY, &both), PROXY);
        both[0].1 = "for=203.0.113.5";
        assert_eq!(client(PROXY, &both), "203.0.113.5");
        assert_eq!(client(PROXY, &[]), PROXY);
    }

    #[test]
    fn nobody_else_is_believed() {
        let headers = [("x-forwarded-for", "203.0.113.5")];
        assert_eq!(client("198.51.100.1", &headers), "198.51.100.1");
        let none = TrustedProxies::default();
        let mut map = HeaderMap::new();
        map.append("x-forwarded-for", "203.0.113.5".parse().unwrap());
        let peer: IpAddr = PROXY.parse().unwrap();
        assert_eq!(none.client(peer, &map), peer);
    }

    #[test]
    fn a_list_of_networks_is_read_and_a_mistake_is_quoted() {
        assert_eq!("".parse(), Ok(TrustedProxies::default()));
        let wrong = "10.0.0.0/8,10.0.0.0/33".parse::<TrustedProxies>();
        assert!(wrong.unwrap_err().contains("\"10.0.0.0/33\""));
    }
}
