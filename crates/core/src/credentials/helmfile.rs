//! References that Helmfile would evaluate: a value in, whether it holds one out.

/// What is wrong with a login that holds one.
pub const FAULT: &str = "has text of the form `ref+SCHEME://`, which Helmfile would evaluate";
/// What to do about it.
pub const HINT: &str = "resolve the reference before regcred runs: it takes values, not references";

/// Whether vals, and so Helmfile, takes a part of the text for a reference: `(secret)?ref+SCHEME://` and at least two characters.
///
/// What follows in the text is not looked at: in a Docker config that is written as JSON, there always is something.
pub fn evaluates(text: &str) -> bool {
    text.match_indices("ref+").any(|(at, found)| {
        text[at + found.len()..].split_once("://").is_some_and(|(scheme, _)| !scheme.contains(['+', ':']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_helmfile_evaluates_is_taken_for_a_reference() {
        for (text, reference) in [
            ("ref+exec://sh", true),
            ("xsecretref+vault://a/b", true),
            ("ref+x://", true),
            ("ref+a ref+b://c", true),
            ("ref+x:/y", false),
            ("ref+a+b://cd", false),
            ("pref://x", false),
        ] {
            assert_eq!(evaluates(text), reference, "{text}");
        }
    }
}
