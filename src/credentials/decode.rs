//! The forms a Docker config arrives in: the text of a variable or file in, its JSON out.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretString};

use super::helmfile;
use crate::problem::{Problem, reason};

/// Standard base64, padded or not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// No login and no list of them is longer.
const FILE_LIMIT: u64 = 4 * 1024 * 1024;

/// The JSON in what `source` holds: JSON itself, base64 of it (padded or not, URL-safe, wrapped, twice), or the absolute
/// path of a file with one of these. Warnings are added to `problems`.
///
/// # Errors
/// What was tried and why each failed, by position, never by content.
#[expect(clippy::disallowed_methods, reason = "decoding needs the text")]
pub fn docker_config(value: &SecretString, source: &str, problems: &mut Vec<Problem>) -> Result<SecretString, Problem> {
    let text = trimmed(value.expose_secret());
    if text.starts_with('/') && Path::new(text).exists() {
        let content = file(Path::new(text), source, Named::ByVariable)?;
        return of_a_file(&content, source, problems);
    }
    inline(text, source, problems, |base64| neither(text, source, base64))
}

/// The same in the text of a file, which names no other.
///
/// # Errors
/// As [`docker_config`].
#[expect(clippy::disallowed_methods, reason = "decoding needs the text")]
pub fn of_a_file(content: &SecretString, source: &str, problems: &mut Vec<Problem>) -> Result<SecretString, Problem> {
    inline(trimmed(content.expose_secret()), source, problems, |base64| {
        let message = format!(
            "the file that {source} names is no Docker config: not JSON (it does not begin with `{{`), not base64 ({base64})"
        );
        Problem::error("not-a-docker-config", message)
            .hint("name a file like ~/.docker/config.json, or one with base64 of it")
    })
}

/// How a file was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// By a flag: whoever names a pipe means to write to it.
    ByFlag,
    /// By the value of a variable, which may look like a path by chance.
    ByVariable,
}

/// The text of a file that holds a credential.
///
/// # Errors
/// It cannot be read, is neither a regular file nor a pipe that was meant, is too long, or is not UTF-8.
pub fn file(path: &Path, source: &str, named: Named) -> Result<SecretString, Problem> {
    if path.is_dir() {
        return Err(Problem::error("is-a-directory", format!("{source} names a directory, not a file"))
            .hint("name the file in it, for example config.json"));
    }
    // Whatever else it is may never end, or never begin.
    let is_open = path == Path::new("/dev/stdin") || path.starts_with("/dev/fd");
    let is_meant = is_open || (named == Named::ByFlag && is_pipe(path));
    if !is_meant && path.exists() && !path.is_file() {
        return Err(Problem::error("unreadable-file", format!("{source} names neither a regular file nor a pipe"))
            .hint("write it to a file first, or give /dev/stdin"));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(FILE_LIMIT + 1).read_to_end(&mut bytes)).map_err(|error| {
        Problem::error("unreadable-file", format!("the file that {source} names cannot be read: {}", reason(&error)))
            .hint("check that the path is right and that this user may read it")
    })?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(Problem::error("too-large", format!("the file that {source} names is longer than 4 MiB"))
            .hint("name the file of the login itself"));
    }
    String::from_utf8(bytes).map(SecretString::from).map_err(|_| {
        Problem::error("not-utf-8", format!("the file that {source} names is not UTF-8 text"))
            .hint("save it as UTF-8 without a byte-order mark of another encoding")
    })
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_: &Path) -> bool {
    false
}

fn inline(
    text: &str,
    source: &str,
    problems: &mut Vec<Problem>,
    neither: impl Fn(&str) -> Problem,
) -> Result<SecretString, Problem> {
    if text.is_empty() {
        return Err(Problem::error("empty", format!("{source} holds nothing but white space")));
    }
    if text.starts_with(['{', '[', '"']) {
        return Ok(text.into());
    }
    if helmfile::evaluates(text) {
        return Err(Problem::error("helmfile-reference", format!("{source} {}", helmfile::FAULT)).hint(helmfile::HINT));
    }
    if is_user_and_password(text) {
        return Err(user_and_password(source, "`user:password`"));
    }
    let once = match base64(text) {
        Ok(once) => once,
        Err(why) => return Err(neither(&why)),
    };
    let decoded = trimmed(&once);
    if decoded.starts_with(['{', '[']) {
        whole(decoded, source)?;
        return Ok(decoded.into());
    }
    if let Ok(twice) = base64(decoded)
        && trimmed(&twice).starts_with('{')
    {
        problems.push(
            Problem::warning("encoded-twice", format!("{source} is encoded twice in base64"))
                .hint("encode it once; `kubectl create secret` and Helm's b64enc encode by themselves"),
        );
        return Ok(trimmed(&twice).into());
    }
    if is_user_and_password(decoded) {
        return Err(user_and_password(source, "base64 of `user:password`"));
    }
    Err(neither("it is base64, but not of JSON"))
}

/// JSON that came out of base64 and ends early was cut before it was decoded.
fn whole(json: &str, source: &str) -> Result<(), Problem> {
    match serde_json::from_str::<serde::de::IgnoredAny>(json) {
        Err(error) if error.is_eof() => Err(Problem::error(
            "invalid-json",
            format!("{source} was decoded from base64, and its JSON ends early: it was probably cut"),
        )
        .hint("encode the file again and copy all of it: `base64 -w0 ~/.docker/config.json`")),
        _ => Ok(()),
    }
}

fn base64(text: &str) -> Result<String, String> {
    let bare: String = text
        .chars()
        .filter(|character| !character.is_ascii_whitespace())
        .map(|character| match character {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    let bytes = LENIENT.decode(bare).map_err(|error| match error {
        base64::DecodeError::InvalidByte(position, _) => format!("character {} is not base64", position + 1),
        base64::DecodeError::InvalidLength(length) => format!("base64 of {length} characters is cut short"),
        _ => "its base64 ends in the middle of a character".to_owned(),
    })?;
    String::from_utf8(bytes).map_err(|_| "it is base64, but not of text".to_owned())
}

fn neither(text: &str, source: &str, base64: &str) -> Problem {
    let path = if text.starts_with('/') { "no file of that path exists" } else { "it does not begin with `/`" };
    let hint = if text.starts_with(['/', '~']) || text.starts_with("./") {
        "a path must be absolute and name a file that is there; `~` and `./` are not resolved"
    } else {
        "encode the file: `base64 -w0 ~/.docker/config.json`"
    };
    Problem::error(
        "not-a-docker-config",
        format!("{source} is no Docker config: not JSON (it does not begin with `{{`), not base64 ({base64}), not a file ({path})"),
    )
    .hint(hint)
}

/// `user:password` on one line, which no JSON, path or base64 looks like.
fn is_user_and_password(text: &str) -> bool {
    text.split_once(':').is_some_and(|(user, password)| {
        !user.is_empty()
            && !password.is_empty()
            && !text.contains(char::is_whitespace)
            && !user.contains(['/', '{', '"'])
    })
}

fn user_and_password(source: &str, what: &str) -> Problem {
    Problem::error("user-and-password", format!("{source} holds {what}, not a Docker config"))
        .hint("put the two into variables of their own and name them: `--login ghcr.io=GHCR_USER:GHCR_TOKEN`")
}

fn trimmed(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    const JSON: &str = r#"{"auths":{"ghcr.io":{"auth":"dTpwPz8/"}}}"#;

    #[expect(clippy::disallowed_methods, reason = "the test looks at the value")]
    fn decode(text: &str) -> Result<(String, usize), &'static str> {
        let mut problems = Vec::new();
        docker_config(&text.into(), "`A`", &mut problems)
            .map(|json| (json.expose_secret().to_owned(), problems.len()))
            .map_err(|problem| problem.code)
    }

    #[test]
    fn json_comes_in_many_forms() {
        let once = STANDARD.encode(JSON);
        let wrapped = once
            .as_bytes()
            .chunks(20)
            .map(|chunk| std::str::from_utf8(chunk).unwrap())
            .collect::<Vec<_>>()
            .join("\r\n");
        for (text, warnings) in [
            (JSON.to_owned(), 0),
            (format!("\u{feff} {JSON}\r\n"), 0),
            (once.clone(), 0),
            (once.trim_end_matches('=').to_owned(), 0),
            (URL_SAFE_NO_PAD.encode(JSON), 0),
            (wrapped, 0),
            (STANDARD.encode(&once), 1),
        ] {
            assert_eq!(decode(&text), Ok((JSON.to_owned(), warnings)), "{text}");
        }
    }

    #[test]
    fn a_path_stands_for_the_content_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth");
        #[expect(clippy::disallowed_methods, reason = "a fixture")]
        std::fs::write(&path, STANDARD.encode(JSON) + "\n").unwrap();
        assert_eq!(decode(path.to_str().unwrap()), Ok((JSON.to_owned(), 0)));
        assert_eq!(decode(folder.path().to_str().unwrap()), Err("is-a-directory"));
    }

    #[test]
    fn what_looks_like_a_path_gets_a_hint_about_paths() {
        for text in ["/no/such/file", "./config.json", "~/config.json"] {
            let problem = docker_config(&text.into(), "`A`", &mut Vec::new()).unwrap_err();
            assert!(problem.hint.unwrap().contains("absolute"), "{text}");
        }
    }

    #[test]
    fn a_file_is_read_up_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        File::create(&path).and_then(|file| file.set_len(FILE_LIMIT + 1)).unwrap();
        assert_eq!(file(&path, "`A`", Named::ByFlag).unwrap_err().code, "too-large");
    }

    #[test]
    fn what_is_no_docker_config_says_what_it_is_instead() {
        for (text, code) in [
            ("  ", "empty"),
            ("user:pass", "user-and-password"),
            (&STANDARD.encode("user:pass"), "user-and-password"),
            ("/no/such/file", "not-a-docker-config"),
            ("ref+vault://a/b", "helmfile-reference"),
            (&STANDARD.encode(JSON)[..40], "invalid-json"),
            ("/dev/zero", "unreadable-file"),
            ("hunter2!", "not-a-docker-config"),
            ("AAAA", "not-a-docker-config"),
        ] {
            assert_eq!(decode(text).unwrap_err(), code, "{text}");
        }
    }
}
