//! Parses `WWW-Authenticate` (RFC 9110, 11.6.1): the authentication that a registry requires.

use super::url::Url;

/// What a registry requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// Nothing: it answered.
    Nothing,
    /// User name and password with each request.
    Basic,
    /// A token from the token server that the registry names.
    Bearer {
        /// The token server.
        realm: Url,
        /// The name of the registry at the token server.
        service: Option<String>,
    },
    /// Something else, or a realm that is not a URL.
    Odd,
}

impl Challenge {
    /// Reads the headers of a `401`. If there are several challenges, a token server wins, as in containerd.
    pub fn read<'a>(headers: impl Iterator<Item = &'a str>) -> Self {
        let schemes: Vec<_> = headers.flat_map(schemes).collect();
        let named = |name: &str| schemes.iter().find(|scheme| scheme.name.eq_ignore_ascii_case(name));
        if let Some(bearer) = named("bearer") {
            let Some(Ok(realm)) = bearer.parameter("realm").map(str::parse) else { return Self::Odd };
            return Self::Bearer { realm, service: bearer.parameter("service").map(str::to_owned) };
        }
        if named("basic").is_some() { Self::Basic } else { Self::Odd }
    }
}

/// One challenge of a header, with its parameters.
struct Scheme {
    name: String,
    parameters: Vec<(String, String)>,
}

impl Scheme {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The challenges of one header: a word that is not followed by `=` begins the next challenge.
fn schemes(header: &str) -> Vec<Scheme> {
    let mut schemes: Vec<Scheme> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let is_of_word = |letter: char| letter.is_ascii_graphic() && !"\"(),/:;<=>?@[\\]{}".contains(letter);
        let end = rest.find(|letter| !is_of_word(letter)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            return schemes;
        }
        rest = after;
        match after.trim_start_matches([' ', '\t']).strip_prefix('=') {
            None => schemes.push(Scheme { name: word.to_owned(), parameters: Vec::new() }),
            Some(after) => {
                let (value, after) = value(after.trim_start_matches([' ', '\t']));
                if let Some(scheme) = schemes.last_mut() {
                    scheme.parameters.push((word.to_owned(), value));
                }
                rest = after;
            }
        }
    }
}

/// The value of a parameter, quoted or plain, and the text after it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            letter => value.push(letter),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.parse().unwrap(), service: service.map(str::to_owned) }
    }

    #[test]
    fn the_challenges_of_registries_are_read() {
        let hub = bearer("https://auth.docker.io/token", Some("registry.docker.io"));
        for (headers, expected) in [
            (&[r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#][..], hub.clone()),
            (
                &[
                    r#"Bearer realm="https://auth.docker.io/token", service="registry.docker.io", scope="repository:a/b:pull,push", error="insufficient_scope""#,
                ],
                hub.clone(),
            ),
            (&[r#"bearer service="registry.docker.io" , realm = "https://auth.docker.io/token""#], hub),
            (&[r#"Basic realm="Registry Realm""#], Challenge::Basic),
            (&["Basic"], Challenge::Basic),
            (&[r#"Basic realm="a, b=c", Bearer realm=https://a.test/t"#], bearer("https://a.test/t", None)),
            (&[r#"Basic realm="x""#, r#"Bearer realm="https://a.test/t""#], bearer("https://a.test/t", None)),
            (&[r#"Bearer realm="https://a.test/\t""#], bearer("https://a.test/t", None)),
            (&[r#"Bearer realm="not an address""#], Challenge::Odd),
            (&[r#"Bearer realm="https://user:x@a.test/t""#], Challenge::Odd),
            (&["Bearer"], Challenge::Odd),
            (&["Negotiate abc=="], Challenge::Odd),
            (&[r#"Bearer realm="https://a.test"#], bearer("https://a.test", None)),
            (&["", "=,=\"", "\u{e9}"], Challenge::Odd),
            (&[], Challenge::Odd),
        ] {
            assert_eq!(Challenge::read(headers.iter().copied()), expected, "{headers:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_to_its_end(header in ".{0,200}") {
            let read = Challenge::read([header.as_str()].into_iter());
            proptest::prop_assert_ne!(read, Challenge::Nothing);
        }
    }
}
