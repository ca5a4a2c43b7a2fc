//! Sorts a node's messages about a failed pull. They come from the container runtime, which passes on the registry's messages.

/// The meaning of a node's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// No message, or an unknown one.
    Other,
    /// 401 or 403.
    Refused,
    /// 404.
    NotFound,
    /// 429.
    Limited,
    /// No authority that the node trusts has signed the certificate.
    UnknownAuthority,
    /// Another problem of the certificate.
    Certificate,
    /// The server answers with plain HTTP instead of TLS.
    PlainHttp,
    /// The host has no address.
    UnknownHost,
    /// No connection.
    Unreachable,
    /// The image has no manifest for the platform.
    Platform,
    /// The disk is full.
    DiskFull,
}

/// The texts that identify each meaning, in lower case; the first matching line counts.
///
/// Sources: containerd (`core/remotes/docker`), Go's `net`, `crypto/x509` and `net/http`, and the errors of the distribution specification.
const TABLE: &[(Words, &[&str])] = &[
    (Words::DiskFull, &["no space left on device"]),
    (Words::UnknownAuthority, &["signed by unknown authority"]),
    (Words::Certificate, &["x509:", "tls: failed to verify certificate"]),
    (Words::PlainHttp, &["server gave http response to https client"]),
    (
        Words::UnknownHost,
        &["dial tcp: lookup", "no such host", "server misbehaving", "temporary failure in name resolution"],
    ),
    (Words::Limited, &["toomanyrequests", "too many requests", ": 429"]),
    (
        Words::Unreachable,
        &[
            "connection refused",
            "i/o timeout",
            "network is unreachable",
            "no route to host",
            "deadline exceeded",
            "connection reset",
            "tls handshake timeout",
            "proxyconnect",
        ],
    ),
    (Words::Platform, &["no match for platform", "no matching manifest"]),
    // "pull access denied, repository does not exist or may require authorization" counts as a refusal.
    (
        Words::Refused,
        &[
            "unauthorized",
            "authorization failed",
            "access denied",
            "insufficient_scope",
            "no basic auth credentials",
            ": 401",
            ": 403",
            "denied:",
            "forbidden",
            "authentication required",
        ],
    ),
    (Words::NotFound, &["not found", "manifest unknown", "name unknown", "404"]),
];

impl Words {
    /// The meaning of the message in a container's state.
    pub fn read(message: &str) -> Self {
        let message = message.to_ascii_lowercase();
        let is_said = |part: &str| message.contains(part);
        TABLE.iter().find(|(_, parts)| parts.iter().any(|part| is_said(part))).map_or(Self::Other, |(words, _)| *words)
    }
}

/// The host that the node asked, if the message has the address of its request.
pub(super) fn host(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("https://").or_else(|| message.split_once("http://"))?;
    rest.split_once("/v2/").map(|(host, _)| host).filter(|host| !host.contains(['/', ' ', '"']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_containerd_are_understood() {
        let head = "failed to pull and unpack image \"ghcr.io/acme/api:1\": failed to resolve reference \"ghcr.io/acme/api:1\": ";
        for (message, words) in [
            (
                "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=x: 401 Unauthorized",
                Words::Refused,
            ),
            (
                "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
                Words::Refused,
            ),
            (
                "unexpected status from HEAD request to https://ghcr.io/v2/acme/api/manifests/1: 403 Forbidden",
                Words::Refused,
            ),
            ("ghcr.io/acme/api:1: not found", Words::NotFound),
            // A port is not a status.
            ("localhost:42973/acme/api:1: the server did not include a token", Words::Other),
            (
                "unexpected status from HEAD request to https://registry-1.docker.io/v2/x/manifests/1: 429 Too Many Requests toomanyrequests: You have reached your unauthenticated pull rate limit.",
                Words::Limited,
            ),
            (
                "failed to do request: Head \"https://r.test/v2/a/manifests/1\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
                Words::UnknownAuthority,
            ),
            (
                "failed to do request: Head \"https://r.test/v2/a/manifests/1\": tls: failed to verify certificate: x509: certificate is valid for a, not b",
                Words::Certificate,
            ),
            (
                "failed to do request: Head \"https://r.test/v2/a/manifests/1\": http: server gave HTTP response to HTTPS client",
                Words::PlainHttp,
            ),
            (
                "failed to do request: Head \"https://r.test/v2/a/manifests/1\": dial tcp: lookup r.test on 10.96.0.10:53: no such host",
                Words::UnknownHost,
            ),
            (
                "failed to do request: Head \"https://r.test/v2/a/manifests/1\": dial tcp: lookup r.test on 10.96.0.10:53: read udp 10.0.0.9:4->10.96.0.10:53: i/o timeout",
                Words::UnknownHost,
            ),
            (
                "failed to do request: Head \"https://r.test/v2/a/manifests/1\": dial tcp 10.0.0.9:443: connect: connection refused",
                Words::Unreachable,
            ),
            (
                "failed to do request: Head \"https://r.test/v2/a/manifests/1\": dial tcp 10.0.0.9:443: i/o timeout",
                Words::Unreachable,
            ),
            ("no match for platform in manifest: not found", Words::Platform),
            ("failed to copy: write /var/lib/containerd/x: no space left on device", Words::DiskFull),
            ("something else", Words::Other),
        ] {
            assert_eq!(Words::read(&format!("{head}{message}")), words, "{message}");
        }
    }

    #[test]
    fn the_host_that_was_asked_is_found() {
        for (message, expected) in [
            ("Head \"https://mirror.lan/v2/acme/api/manifests/1?ns=docker.io\": x", Some("mirror.lan")),
            ("GET request to https://ghcr.io/token?scope=x: 401", None),
            ("nothing", None),
        ] {
            assert_eq!(host(message), expected, "{message}");
        }
    }
}
