//! Finds the registry's message in a kubelet's message about a failed pull.

use super::REASONS;
use crate::registry::reference::Reference;

/// The longest message that is kept.
const LIMIT: usize = 1_000;

/// The message of the registry or the container runtime, on one line, without the prefixes of the kubelet and containerd. `None` if
/// the kubelet only says that it waits.
pub fn of_registry(message: &str) -> Option<String> {
    let one_line = message.split(char::is_whitespace).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let mut text = one_line.as_str();
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| prefix.strip(text)) {
        text = rest;
    }
    let text: String = text.chars().filter(|letter| !letter.is_control()).take(LIMIT + 1).collect();
    match text.char_indices().nth(LIMIT) {
        _ if text.is_empty() => None,
        Some((at, _)) => Some(format!("{}…", &text[..at])),
        None => Some(text),
    }
}

/// Whether the message quotes the image, as it is written or with its registry and tag, as containerd does.
pub fn quotes(message: &str, image: &str) -> bool {
    let whole = |text: &str| text.parse::<Reference>().ok().map(|one| (one.image().clone(), one.manifest()));
    message
        .split('"')
        .skip(1)
        .step_by(2)
        .any(|quoted| quoted == image || (whole(quoted).is_some() && whole(quoted) == whole(image)))
}

/// A prefix of the registry's message.
enum Prefix {
    /// A text, then an image in quotation marks, and a colon if there is one.
    Image(&'static str),
    /// A reason, then a colon.
    Reason,
    /// The status of a remote procedure call.
    Call,
}

const PREFIXES: [Prefix; 6] = [
    Prefix::Image("Back-off pulling image "),
    Prefix::Reason,
    Prefix::Call,
    Prefix::Image("failed to pull and unpack image "),
    Prefix::Image("failed to resolve reference "),
    Prefix::Image("failed to pull image "),
];

impl Prefix {
    /// The text after the prefix, if the prefix is there.
    fn strip<'a>(&self, text: &'a str) -> Option<&'a str> {
        match self {
            Self::Image(before) => {
                let rest = text.strip_prefix(before)?.strip_prefix('"')?.split_once('"')?.1;
                Some(rest.strip_prefix(": ").unwrap_or(rest))
            }
            Self::Reason => REASONS.iter().find_map(|reason| text.strip_prefix(reason)?.strip_prefix(": ")),
            Self::Call => {
                let (code, rest) = text.strip_prefix("rpc error: code = ")?.split_once(" desc = ")?;
                (!code.contains(' ')).then_some(rest)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_message_of_the_registry_is_left() {
        for (message, expected) in [
            ("", None),
            ("Back-off pulling image \"a.io/x:1\"", None),
            ("no", Some("no")),
            (
                "Back-off pulling image \"a.io/x:1\": ErrImagePull: rpc error: code = Unknown desc = failed to pull and \
                 unpack image \"a.io/x:1\": failed to resolve reference \"a.io/x:1\": unexpected status from HEAD request \
                 to https://a.io/v2/x/manifests/1: 401 Unauthorized",
                Some("unexpected status from HEAD request to https://a.io/v2/x/manifests/1: 401 Unauthorized"),
            ),
            (
                "rpc error: code = NotFound desc = failed to pull and unpack image \"a.io/x:1\": \
                 failed to resolve reference \"a.io/x:1\": a.io/x:1: not found",
                Some("a.io/x:1: not found"),
            ),
            (
                "Container image \"x\" is not present with pull policy of Never",
                Some("Container image \"x\" is not present with pull policy of Never"),
            ),
            ("two\n lines\tand \u{7}more", Some("two lines and more")),
        ] {
            assert_eq!(of_registry(message).as_deref(), expected, "{message}");
        }
    }

    #[test]
    fn an_image_is_quoted_in_its_own_spelling_or_in_that_of_containerd() {
        let message = r#"failed to pull and unpack image "docker.io/acme/api:latest": failed to resolve reference "x""#;
        for (image, expected) in [
            ("acme/api", true),
            ("docker.io/acme/api:latest", true),
            ("acme/api:1", false),
            ("acme", false),
            ("", false),
        ] {
            assert_eq!(quotes(message, image), expected, "{image}");
        }
        assert!(quotes(r#"Back-off pulling image "A/b""#, "A/b") && !quotes("a.io/x", "a.io/x"));
    }

    #[test]
    fn a_message_that_is_too_long_is_cut_between_letters() {
        let words = of_registry(&"é".repeat(5_000)).unwrap();
        assert_eq!(words.chars().count(), LIMIT + 1);
        assert!(words.ends_with("é…"));
    }
}
