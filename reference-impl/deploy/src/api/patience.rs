//! How long is waited, and for whom: times of the client, what `Retry-After` asks for, and which addresses are of this machine.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// How patient the client is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Longest time for one call.
    pub timeout: Duration,
    /// Most tries of one call.
    pub tries: u32,
    /// Wait before the second try; it doubles with each.
    pub backoff: Duration,
    /// Longest wait that the API may ask for by `Retry-After`.
    pub longest_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            tries: 5,
            backoff: Duration::from_millis(500),
            longest_wait: Duration::from_mins(5),
        }
    }
}

/// The wait that a `Retry-After` asks for: seconds, or a date, of which the past asks for none. `None` where it is neither.
pub(super) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

/// Whether `url` is of this machine, where nothing crosses a net.
pub(super) fn is_here(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return false;
    }
    let name = host
        .strip_prefix('[')
        .and_then(|it| it.split_once(']'))
        .map_or_else(|| host.split(':').next().unwrap_or_default(), |(name, _)| name);
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{Duration, Timestamp, is_here, retry_after};

    #[test]
    fn waits_for_seconds_and_until_dates() {
        let now: Timestamp = "2026-11-26T18:45:00Z".parse().unwrap();
        for (text, seconds) in [
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("Thu, 26 Nov 2026 18:45:30 GMT", Some(30)),
            ("Thu, 26 Nov 2026 18:44:30 GMT", Some(0)),
            ("Thu, 26 Nov 2026 19:45:00 +0100", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn knows_addresses_of_this_machine() {
        for here in ["http://127.0.0.1:1/client/v4", "http://localhost", "http://[::1]:80/x", "http://127.8.8.8"] {
            assert!(is_here(here), "{here}");
        }
        for elsewhere in [
            "http://10.0.0.1",
            "http://api.cloudflare.com",
            "http://localhost.example",
            "http://127.0.0.1@evil.example/",
            "http://127.0.0.1.example",
            "https://127.0.0.1",
            "ftp://localhost",
        ] {
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
    }
}
