//! Lists words of YAML 1.1 that are valid names in Kubernetes, but are not read as text without quotes.

/// Booleans, nulls, dates, and numbers in every base except sexagesimal ones (a name has no colon).
pub const WORDS: &[&str] = &[
    "y",
    "n",
    "yes",
    "no",
    "on",
    "off",
    "true",
    "false",
    "null",
    "0",
    "1",
    "12",
    "012",
    "0o14",
    "0x1f",
    "0b101",
    "1e3",
    "1e10",
    "12e03",
    "2020-01-01",
    "2001-12-14",
];

/// Arguments that use the word for every name.
pub fn everywhere(word: &str) -> [&str; 9] {
    ["-n", word, "--secret-name", word, "--service-account", word, "--also-reference", word, "--create-namespaces"]
}
