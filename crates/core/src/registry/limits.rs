//! Reads how many pulls Docker Hub still allows, and whether it counts the account or the address.

use std::net::IpAddr;

use serde::Serialize;

/// The limit of pulls, from the headers of the answer for a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Pulls within a window; `None` if the registry gives no number.
    pub limit: Option<u64>,
    /// Pulls that are left.
    pub remaining: Option<u64>,
    /// The window in seconds.
    pub window: Option<u64>,
    /// What the registry counts: if it counts the account, the login is used.
    pub counted: Option<Counted>,
}

/// What a registry counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Counted {
    /// The pulls of the login's account.
    Account,
    /// The pulls from the address of this machine.
    Address,
}

impl Limits {
    /// Reads `ratelimit-limit`, `ratelimit-remaining` and `docker-ratelimit-source`. It keeps no text of the registry.
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let (limit, window) = header("ratelimit-limit").map(number_and_window).unwrap_or_default();
        let (remaining, also_window) = header("ratelimit-remaining").map(number_and_window).unwrap_or_default();
        let counted = header("docker-ratelimit-source").map(str::trim).and_then(|source| match source {
            "" => None,
            source if source.parse::<IpAddr>().is_ok() => Some(Counted::Address),
            _ => Some(Counted::Account),
        });
        let limits = Self { limit, remaining, window: window.or(also_window), counted };
        (limits.limit.is_some() || limits.remaining.is_some() || counted.is_some()).then_some(limits)
    }
}

/// `100;w=21600`, in which the number may be missing.
fn number_and_window(text: &str) -> (Option<u64>, Option<u64>) {
    let mut parts = text.split(';').map(str::trim);
    let number = parts.next().and_then(|number| number.parse().ok());
    (number, parts.find_map(|part| part.strip_prefix("w=")?.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_of_docker_hub_are_read() {
        let account = "6b1e9b1c-9f3f-4b1c-8d2e-0a1b2c3d4e5f";
        let of = |limit, remaining, window, counted| Some(Limits { limit, remaining, window, counted });
        for (limit, remaining, source, expected) in [
            ("100;w=21600", "93;w=21600", "203.0.113.7", of(Some(100), Some(93), Some(21600), Some(Counted::Address))),
            ("200;w=21600", "200;w=21600", account, of(Some(200), Some(200), Some(21600), Some(Counted::Account))),
            (";w=21600", ";w=21600", account, of(None, None, Some(21600), Some(Counted::Account))),
            ("", "", "2001:db8::1", of(None, None, None, Some(Counted::Address))),
            ("100", "-1", "", of(Some(100), None, None, None)),
            ("", "", "", None),
        ] {
            let header = |name: &str| match name {
                "ratelimit-limit" => Some(limit),
                "ratelimit-remaining" => Some(remaining),
                _ => Some(source),
            };
            assert_eq!(Limits::read(header), expected, "{limit} {remaining} {source}");
        }
        assert_eq!(Limits::read(|_| None), None);
    }
}
