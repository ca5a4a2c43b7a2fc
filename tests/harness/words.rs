//! Lists words of YAML 1.1 that are valid names in Kubernetes, but are not read as text without quotes.

/// Booleans, nulls, numbers in every base, sexagesimals aside (a colon is no part of a name), dates.
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

/// Arguments that put the word wherever a name goes.
pub fn everywhere(word: &str) -> [&str; 9] {
    ["-n", word, "--secret-name", word, "--service-account", word, "--also-reference", word, "--create-namespaces"]
}
