//! Recognizes the forms of placeholders.

/// Whether vals, which Helmfile uses, takes a part of the text for a reference: `(secret)?ref+SCHEME://`.
///
/// The text after the reference does not count: in a Docker config in JSON, there is always something.
pub fn evaluated_by_helmfile(text: &str) -> bool {
    text.match_indices("ref+").any(|(at, found)| {
        text[at + found.len()..].split_once("://").is_some_and(|(scheme, _)| !scheme.contains(['+', ':']))
    })
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
    letters || words.is_some_and(|it| WORDS.contains(&it.to_ascii_lowercase().as_str()))
}

/// Whether a program has encrypted the text.
pub fn is_encrypted(text: &str) -> bool {
    const HEADS: [&str; 13] = [
        "$ANSIBLE_VAULT;",
        "-----BEGIN PGP MESSAGE-----",
        "-----BEGIN AGE ENCRYPTED FILE-----",
        "age-encryption.org/",
        // The same in base64: the output of `openssl enc`, Fernet, Jenkins and `ConvertFrom-SecureString`.
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

/// Whether AWS, Google, PGP or Sealed Secrets encrypted the text, by the first bytes of its base64: such a text has more than 100 letters.
fn is_of_a_cloud(text: &str) -> bool {
    const HEADS: [&str; 7] = ["AQICAH", "AQIDAH", "CiQA", "CiUA", "hQEMA", "hQIMA", "hF4D"];
    let is_sealed = text.len() > 700 && ["Ag", "AQ"].iter().any(|head| text.starts_with(head));
    let is_base64 = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    text.len() > 100 && is_base64 && (is_sealed || HEADS.iter().any(|head| text.starts_with(head)))
}

/// References that a secret manager's program or injector replaces.
pub fn is_reference(text: &str) -> bool {
    const HEADS: &str = "arn:aws @Microsoft.KeyVault( vault:secret/ vault:kv/ secretsmanager: aws:secretsmanager: ssm:/ \
        op:/ sops: <path:";
    // Tags of YAML, which a reader of the YAML file would have replaced.
    const TAGS: [&str; 9] = ["vault", "secret", "Ref", "Sub", "GetAtt", "ENV", "env", "env_var", "reference"];
    const SCHEMES: &str = "1password akeyless aws-secretsmanager awssecretsmanager azure-keyvault azure-key-vault bitwarden bw \
        cyberark dashlane gcp-secretmanager gcpsecretmanager gcpsecrets gopass googlesecretmanager \
        hashivault hcvault k8s keychain keyring onepassword pass secretmanager op vault awssm aws-sm awsssm \
        ssm secretsmanager gcpsm gcp-sm sm gsm azkv akv azurekeyvault keyvault bws doppler infisical keeper \
        lpass conjur env file secret";
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
    // With more words, digits or signs around these.
    const PHRASES: &str = "-changeme- -change-me- -changeit- -change-it- -replaceme- -replace-me- -replace-this- -fixme- \
        -placeholder-";
    let lower = text.to_ascii_lowercase();
    let words = lower.trim_matches(|it: char| !it.is_ascii_alphabetic()).replace(['_', ' ', '.', ':', '/'], "-");
    let is_a_phrase = PHRASES.split(' ').any(|phrase| format!("-{words}-").contains(phrase));
    let text = lower.replace(['_', ' '], "-");
    let names_a_thing = |rest: &str| THINGS.iter().any(|thing| rest.split('-').any(|word| word == *thing));
    let is_yours = VERBS.split(' ').any(|verb| text.strip_prefix(verb).is_some_and(names_a_thing));
    let is_here = (text.ends_with("-here") || text.ends_with("-goes-here")) && names_a_thing(&text);
    let is_a_verb = ["%s", "%v", "%d", "%q"].contains(&text.as_str());
    let is_one_letter = text.len() >= 4 && text.bytes().all(|byte| byte == b'x');
    WORDS.contains(&text.as_str()) || is_yours || is_here || is_a_verb || is_one_letter || is_a_phrase
}

/// Whether the text is how a program or a file of settings writes a value, or names one.
pub fn is_notation(text: &str) -> bool {
    const AROUND: [(&str, &str); 14] = [
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

/// The same with blanks, quotes and pipes: text for people, or for the reader of a template.
pub fn is_prose(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" _-.,:/!?=#+@\"'|()[]$&\\".contains(&byte))
}
