//! Trace context (<https://www.w3.org/TR/trace-context-1/>): which trace something belongs to, taken from a
//! request and passed on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Characters of `tracestate` that are passed on, at least by the specification (§3.3.1.5) and at most here.
const STATE: usize = 512;

/// Members of `tracestate`, at most (§3.3.1.1).
const MEMBERS: usize = 32;

/// Characters of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// The trace of a request, and the span in it that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Headers")]
pub struct TraceContext {
    /// `00-<trace id>-<parent id>-<flags>`, in lower-case hexadecimal.
    traceparent: String,
    /// What the systems on the way said of it, each in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<String>,
}

/// As it is stored and sent, not checked yet.
#[derive(Deserialize)]
struct Headers {
    traceparent: String,
    #[serde(default)]
    tracestate: Option<String>,
}

impl TryFrom<Headers> for TraceContext {
    type Error = &'static str;

    fn try_from(headers: Headers) -> Result<Self, Self::Error> {
        Self::of_headers(&headers.traceparent, headers.tracestate.as_deref())
            .ok_or("traceparent is none of the W3C's Trace Context")
    }
}

impl TraceContext {
    /// What the headers of a request say: `traceparent` must stand there once, those of `tracestate` are
    /// joined. None where it cannot be read: who calls with a bad one is served as without (§4.3).
    pub fn of_headers<'a>(
        traceparent: &str,
        tracestate: impl IntoIterator<Item = &'a str>,
    ) -> Option<Self> {
        let traceparent = parent(traceparent)?;
        let state = tracestate.into_iter().collect::<Vec<_>>().join(",");
        Some(Self {
            traceparent,
            tracestate: state_of(&state),
        })
    }

    /// The same trace, gone on by a span of this id; all zeros is none (§3.2.2.4).
    #[must_use]
    pub fn child(&self, span: [u8; 8]) -> Self {
        if span == [0; 8] {
            return self.clone();
        }
        let flags = &self.traceparent[LENGTH - 2..];
        let span = u64::from_be_bytes(span);
        Self {
            traceparent: format!("00-{}-{span:016x}-{flags}", self.trace_id()),
            tracestate: self.tracestate.clone(),
        }
    }

    /// The trace's id: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.traceparent[3..35]
    }

    /// The header `traceparent`.
    pub fn traceparent(&self) -> &str {
        &self.traceparent
    }

    /// The header `tracestate`.
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.traceparent)
    }
}

/// A `traceparent`, as one of version 00: a later version may have more behind it, which is not ours to
/// pass on (§4.3).
fn parent(header: &str) -> Option<String> {
    let header = header.trim();
    if !header.is_ascii() {
        return None;
    }
    let (known, rest) = header.split_at_checked(LENGTH)?;
    let parts: Vec<&str> = known.split('-').collect();
    let [version, trace, span, flags] = parts.as_slice() else {
        return None;
    };
    let hex = |text: &str, digits: usize| {
        text.len() == digits
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let is_zero = |text: &str| text.bytes().all(|byte| byte == b'0');
    let understood = hex(version, 2)
        && *version != "ff"
        && hex(trace, 32)
        && !is_zero(trace)
        && hex(span, 16)
        && !is_zero(span)
        && hex(flags, 2)
        && (rest.is_empty() || *version != "00" && rest.starts_with('-'));
    understood.then(|| format!("00-{trace}-{span}-{flags}"))
}

/// A `tracestate` whose members are well formed and not too many; of one that is too long the members at
/// the end are left out, which are the oldest.
fn state_of(header: &str) -> Option<String> {
    let members: Vec<&str> = header
        .split(',')
        .map(|member| member.trim_matches([' ', '\t']))
        .filter(|member| !member.is_empty())
        .collect();
    if members.len() > MEMBERS || !members.iter().all(|member| is_member(member)) {
        return None;
    }
    let mut state = String::new();
    for member in members {
        if state.len() + member.len() + 1 > STATE {
            break;
        }
        if !state.is_empty() {
            state.push(',');
        }
        state.push_str(member);
    }
    (!state.is_empty()).then_some(state)
}

/// `key=value` (§3.3.1.3).
fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else {
        return false;
    };
    let first = key.bytes().next();
    (1..=256).contains(&key.len())
        && first.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && key.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte)
        })
        && (1..=256).contains(&value.len())
        && value
            .bytes()
            .all(|byte| (0x20..=0x7e).contains(&byte) && byte != b'=' && byte != b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn read(traceparent: &str) -> Option<TraceContext> {
        TraceContext::of_headers(traceparent, [])
    }

    #[test]
    fn a_trace_goes_on_with_its_id_its_flags_and_another_span() {
        let header = format!("00-{TRACE}-{SPAN}-01");
        let context = TraceContext::of_headers(&header, ["a=1", " b=2 ,, c@d=x y"]).unwrap();
        assert_eq!(context.traceparent(), header);
        assert_eq!(context.trace_id(), TRACE);
        assert_eq!(context.tracestate(), Some("a=1,b=2,c@d=x y"));
        let child = context.child([0, 0, 0, 0, 0, 0, 0, 7]);
        let expected = format!("00-{TRACE}-0000000000000007-01");
        assert_eq!(child.traceparent(), expected);
        assert_eq!(child.tracestate(), context.tracestate());
        assert_eq!(context.child([0; 8]), context);
    }

    #[test]
    fn a_later_version_is_passed_on_as_what_we_know_of_it() {
        let known = format!("00-{TRACE}-{SPAN}-01");
        for header in [
            format!("cc-{TRACE}-{SPAN}-01"),
            format!("cc-{TRACE}-{SPAN}-01-what-comes"),
        ] {
            assert_eq!(read(&header).unwrap().traceparent(), known);
        }
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let zeros = "0".repeat(32);
        for header in [
            String::new(),
            "00".into(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("cc-{TRACE}-{SPAN}-01x"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-0g"),
            format!("0é-{TRACE}-{SPAN}-01"),
        ] {
            assert_eq!(read(&header), None, "{header}");
        }
    }

    #[test]
    fn a_bad_state_is_left_out_and_a_long_one_cut_between_its_members() {
        let header = format!("00-{TRACE}-{SPAN}-00");
        let state = |state: &str| {
            let context = TraceContext::of_headers(&header, [state]).unwrap();
            context.tracestate().map(str::to_owned)
        };
        for bad in ["", "a", "A=1", "a=", "=1", "a=b=c", "a=\u{7f}", "-a=1"] {
            assert_eq!(state(bad), None, "{bad}");
        }
        let many: Vec<String> = (0..33).map(|n| format!("a{n}=1")).collect();
        assert_eq!(state(&many.join(",")), None);
        let value = "x".repeat(250);
        assert_eq!(
            state(&format!("a={value},b={value},c={value}")),
            Some(format!("a={value},b={value}"))
        );
    }
}
