//! Recognizes the forms of placeholders.

use crate::docker_config::token::TOKENS;

/// Whether vals, which Helmfile uses, takes a part of the text for a reference: `(secret)?ref+SCHEME://`.
///
/// The text after the reference does not count: in a Docker config in JSON, there is always something.
pub fn evaluated_by_helmfile(text: &str) -> bool {
    text.match_indices("ref+").any(|(at, found)| {
        text[at + found.len()..].split_once("://").is_some_and(|(scheme, _)| !scheme.contains(['+', ':']))
    })
}

/// Whether the text has the form `%!VERB(…)`, which Go's `fmt` writes for a missing value or for one of another type. Within a longer text,
/// one of the words of `fmt` or the name of a type must be in the parentheses.
pub fn is_of_printf(text: &str) -> bool {
    const WORDS: [&str; 6] = ["<nil>", "MISSING", "BADINDEX", "BADWIDTH", "BADPREC", "NOVERB"];
    const HEADS: [&str; 9] =
        ["EXTRA ", "PANIC=", "string=", "int=", "int64=", "float64=", "bool=", "[]interface {}", "map[string]"];
    let noun = |rest: &str| {
        let rest = rest.strip_prefix(|verb: char| verb.is_ascii_alphabetic()).unwrap_or(rest);
        rest.strip_prefix('(').map(str::to_owned)
    };
    let is_whole = text.strip_prefix("%!").and_then(noun).is_some_and(|rest| rest.ends_with(')'));
    let is_of_fmt = |noun: &str| WORDS.contains(&noun) || HEADS.iter().any(|head| noun.starts_with(head));
    let nouns = text.split("%!").skip(1).filter_map(noun);
    is_whole || nouns.into_iter().any(|rest| rest.split_once(')').is_some_and(|(noun, _)| is_of_fmt(noun)))
}

/// The delimiters around text that a template engine replaces.
const OF_TEMPLATES: [(&str, &str); 5] = [("{{", "}}"), ("{%", "%}"), ("<%", "%>"), ("[[", "]]"), ("#{", "}")];

/// Whether it begins and ends as a template.
pub fn is_template(text: &str) -> bool {
    OF_TEMPLATES.iter().any(|(open, close)| {
        let first =
            text.strip_prefix(open).filter(|rest| rest.ends_with(close)).and_then(|rest| rest.split_once(close));
        first.is_some_and(|(inner, _)| is_prose(inner))
    })
}

/// Whether the text contains a name in the delimiters of a template.
pub fn has_a_template(text: &str) -> bool {
    OF_TEMPLATES.iter().any(|(open, close)| {
        let inner = text.split_once(open).and_then(|(_, rest)| rest.split_once(close));
        inner.is_some_and(|(inner, _)| is_dotted(inner.trim().trim_start_matches(['.', '$', '='])))
    })
}

/// Whether its end is missing, as in a web page that shortens long values.
pub fn is_cut(text: &str) -> bool {
    ["...", "…"].iter().any(|end| text.strip_suffix(end).is_some_and(|head| !head.is_empty()))
}

/// Whether the text is a mask.
pub fn is_mask(text: &str) -> bool {
    const WORDS: [&str; 10] = [
        "masked",
        "concealed",
        "redacted",
        "sensitive",
        "sensitive value",
        "hidden",
        "filtered",
        "secure",
        "secret",
        "known after apply",
    ];
    // One or two stars may be a password; no mask is that short.
    let letters =
        text.chars().count() >= 3 && ['*', '•', '●', '·'].iter().any(|mask| text.chars().all(|it| it == *mask));
    let word = text.trim_matches('*').trim();
    let inner =
        [("[", "]"), ("<", ">"), ("(", ")"), ("{", "}")].iter().find_map(|(open, close)| within(word, open, close));
    let words = inner.or_else(|| Some(word).filter(|word| text.len() > word.len() || *word == "REDACTED"));
    let is_of_1password = word.contains("concealed by 1Password") || word.starts_with("[use 'op ");
    letters || is_of_1password || words.is_some_and(|it| WORDS.contains(&it.to_ascii_lowercase().as_str()))
}

/// Whether a program has encrypted the text.
pub fn is_encrypted(text: &str) -> bool {
    const HEADS: [&str; 13] = [
        "$ANSIBLE_VAULT;",
        "-----BEGIN PGP MESSAGE-----",
        "-----BEGIN AGE ENCRYPTED FILE-----",
        "age-encryption.org/",
        // The last one in base64; then the output of `openssl enc`, Fernet, Jenkins and `ConvertFrom-SecureString`.
        "YWdlLWVuY3J5cHRpb24ub3Jn",
        "U2FsdGVkX1",
        "gAAAAAB",
        "{AQAAAB",
        "01000000d08c9ddf0115d111",
        "ENC[PKCS7,",
        "{cipher}",
        "encrypted:",
        "!encrypted",
    ];
    let is_of_vault = text.strip_prefix("vault:v").is_some_and(|rest| rest.starts_with(|it: char| it.is_ascii_digit()));
    text.contains("ENC[AES256_GCM,")
        || within(text, "ENC[", "]").or_else(|| within(text, "ENC(", ")")).is_some()
        || is_of_vault
        || is_of_a_cloud(text)
        || HEADS.iter().any(|head| text.starts_with(head))
}

/// Base64 of what AWS, Google or PGP have encrypted, by its first bytes: none is shorter than 100 letters.
fn is_of_a_cloud(text: &str) -> bool {
    const HEADS: [&str; 7] = ["AQICAH", "AQIDAH", "CiQA", "CiUA", "hQEMA", "hQIMA", "hF4D"];
    is_long_base64(text) && HEADS.iter().any(|head| text.starts_with(head))
}

/// Base64 that begins with the length of what RSA encrypted with a key of 4096 or 2048 bits, as `kubeseal` writes.
pub fn is_of_sealed_secrets(text: &str) -> bool {
    is_long_base64(text)
        && ["Ag", "AQ"].iter().any(|head| text.starts_with(head))
        && b"ABCD".contains(&text.as_bytes()[2])
}

fn is_long_base64(text: &str) -> bool {
    text.len() > 100 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
}

/// References that the program or injector of a secret manager replaces.
pub fn is_reference(text: &str) -> bool {
    const HEADS: &str = "arn:aws @Microsoft.KeyVault( @Microsoft.AppConfiguration( credentialsJSON: vault:secret/ vault:kv/ secretsmanager: aws:secretsmanager: ssm:/ \
        op:/ sops: <path:";
    // Tags of YAML, which a reader of the YAML file would have replaced.
    const TAGS: [&str; 9] = ["vault", "secret", "Ref", "Sub", "GetAtt", "ENV", "env", "env_var", "reference"];
    const SCHEMES: &str = "1password akeyless aws-secretsmanager awssecretsmanager azure-keyvault azure-key-vault bitwarden bw \
        cyberark dashlane gcp-secretmanager gcpsecretmanager gcpsecrets gopass googlesecretmanager \
        hashivault hcvault k8s keychain keyring onepassword pass secretmanager op vault awssm aws-sm awsssm \
        ssm secretsmanager gcpsm gcp-sm sm gsm azkv akv azurekeyvault keyvault bws doppler infisical keeper \
        lpass conjur env secret";
    let is_scheme = text
        .split_once("://")
        .is_some_and(|(scheme, path)| SCHEMES.split(' ').any(|known| known == scheme) && is_prose(path));
    let is_of_google = text.starts_with("projects/") && text.contains("/secrets/");
    let is_of_azure = text.starts_with("https://") && text.contains(".vault.azure.net/");
    let tag = text.strip_prefix('!').and_then(|rest| rest.split_once(' ')).map(|(tag, _)| tag);
    let is_tag = tag.is_some_and(|tag| TAGS.contains(&tag));
    is_scheme || is_of_google || is_of_azure || is_tag || HEADS.split(' ').any(|head| text.starts_with(head))
}

/// Whether the text is what people write before they know the value.
pub fn is_example(text: &str) -> bool {
    const WORDS: [&str; 10] = ["todo", "tbd", "dummy", "none", "n/a", "true", "false", "...", "…", "redacted"];
    const THINGS: [&str; 7] = ["token", "password", "username", "secret", "user", "key", "pat"];
    const VERBS: &str = "your- my- some- insert- enter- put- paste- replace-with- change-this- dummy- fake- sample-";
    // These also count within a longer text.
    const PHRASES: &str = "-changeme- -change-me- -changeit- -change-it- -replaceme- -replace-me- -replace-this- -fixme- \
        -placeholder-";
    let bare = within(text, "[", "]").unwrap_or(text);
    let lower = bare.to_ascii_lowercase();
    let words = lower.trim_matches(|it: char| !it.is_ascii_alphabetic()).replace(['_', ' ', '.', ':', '/'], "-");
    let is_a_phrase = PHRASES.split(' ').any(|phrase| format!("-{words}-").contains(phrase));
    let text = lower.replace(['_', ' '], "-");
    let names_a_thing = |rest: &str| THINGS.iter().any(|thing| rest.split('-').any(|word| word == *thing));
    let is_yours = VERBS.split(' ').any(|verb| text.strip_prefix(verb).is_some_and(names_a_thing));
    let is_here = (text.ends_with("-here") || text.ends_with("-goes-here")) && names_a_thing(&text);
    let is_a_verb = ["%s", "%v", "%d", "%q"].contains(&text.as_str());
    let token = TOKENS.iter().find_map(|head| lower.strip_prefix(head)).unwrap_or(&text);
    let is_one_letter = token.len() >= 4 && token.bytes().all(|byte| byte == b'x');
    WORDS.contains(&text.as_str()) || is_yours || is_here || is_a_verb || is_one_letter || is_a_phrase
}

/// Whether the text is the notation in which a program or a file of settings writes or names a value.
pub fn is_notation(text: &str) -> bool {
    const AROUND: [(&str, &str); 15] = [
        ("credentials(", ")"),
        ("env(", ")"),
        ("ENV(", ")"),
        ("ENV[", "]"),
        ("$ENV{", "}"),
        ("getenv(", ")"),
        ("b'", "'"),
        ("b\"", "\""),
        ("SecretStr(", ")"),
        ("Secret(", ")"),
        ("Some(", ")"),
        ("Optional[", "]"),
        ("SEC[", "]"),
        ("os.environ[", "]"),
        ("&", ";"),
    ];
    const BEFORE_A_NAME: &str = ".Values .data data env inputs local matrix os.environ params parameters process.env secrets steps \
        var variables vars";
    const HEADS: [&str; 4] = ["secretref:", "secretKeyRef:", "valueFrom:", "{noop}"];
    const EMPTY: [&str; 4] = ["\"\"", "''", "{}", "[]"];
    let path = text.trim_start_matches("self.");
    let names_one = BEFORE_A_NAME.split(' ').any(|head| {
        let rest = path.strip_prefix(head).and_then(|rest| rest.strip_prefix('.'));
        rest.is_some_and(|rest| rest.split('.').all(is_name))
    });
    let is_scoped = text.split_once(':').is_some_and(|(scope, name)| {
        ["env", "file", "secret", "secrets", "var", "vars"].contains(&scope.to_ascii_lowercase().as_str())
            && is_name(name.trim_start_matches('/'))
    });
    names_one
        || is_scoped
        || EMPTY.contains(&text)
        || HEADS.iter().any(|head| text.strip_prefix(head).is_some_and(|rest| !rest.is_empty()))
        || AROUND.iter().any(|(open, close)| within(text, open, close).is_some_and(is_prose))
}

/// The text between the two, unless it is empty.
pub fn within<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    text.strip_prefix(open)?.strip_suffix(close).filter(|inner| !inner.is_empty())
}

/// Whether the text has the form of a variable's name.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Letters, digits, and the characters that join them in names and paths.
pub fn is_dotted(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/!?=#+@".contains(&byte))
}

/// Whether the text in the angle brackets begins a web page, which is another mistake.
pub fn is_of_a_page(text: &str) -> bool {
    ["!doc", "html"].iter().any(|page| text.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(page)))
}

/// Whether there is a word in it, of three letters at least: a password has few of them.
pub fn has_a_word(text: &str) -> bool {
    text.split(|letter: char| !letter.is_ascii_alphabetic()).any(|word| word.len() >= 3)
}

/// Letters, digits, and the characters in text for people or for the reader of a template, such as blanks, quotes and pipes.
pub fn is_prose(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" _-.,:/!?=#+@\"'|()[]$&\\".contains(&byte))
}
