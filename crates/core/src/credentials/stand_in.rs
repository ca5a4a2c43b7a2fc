//! Recognizes placeholders: what a mask, a template, a CI or a secret manager left in place of a value.

mod forms;

use crate::diagnostic::{Code, Severity};
pub(super) use forms::evaluated_by_helmfile;
use forms::{
    has_a_template, has_a_word, is_cut, is_dotted, is_encrypted, is_example, is_mask, is_name, is_notation,
    is_of_a_page, is_of_printf, is_of_sealed_secrets, is_prose, is_reference, is_template, within,
};

/// A kind of placeholder. The text of a user name, a password or a whole Docker config is compared with each kind.
pub(super) struct StandIn {
    /// Whether a text is of this kind.
    pub is: fn(&str) -> bool,
    /// The problem, as in "the password is a mask".
    pub what: &'static str,
    pub remedy: &'static str,
}

/// The kind of the text, if it is a placeholder; only a warning if a real password may look like it.
pub(super) fn find(text: &str) -> Option<(Severity, Code, &'static StandIn)> {
    const KINDS: [(Severity, Code, &[StandIn]); 5] = [
        (Severity::Error, Code::HelmfileReference, &[OF_HELMFILE]),
        (Severity::Error, Code::Encrypted, &[ENCRYPTED]),
        (Severity::Error, Code::Placeholder, PLACEHOLDERS),
        (Severity::Warning, Code::Encrypted, &[OF_SEALED_SECRETS]),
        (Severity::Warning, Code::Placeholder, PERHAPS),
    ];
    let mut all =
        KINDS.into_iter().flat_map(|(severity, code, kinds)| kinds.iter().map(move |it| (severity, code, it)));
    all.find(|(_, _, kind)| (kind.is)(text))
}

/// Whether a text is only a placeholder.
pub fn is_a_placeholder(text: &str) -> bool {
    find(text).is_some()
}

const OF_HELMFILE: StandIn = StandIn {
    is: evaluated_by_helmfile,
    what: "has text of the form `ref+SCHEME://`, which Helmfile would evaluate",
    remedy: "resolve the reference before regcred runs: it takes values, not references",
};

const ENCRYPTED: StandIn = StandIn {
    is: is_encrypted,
    what: "is an encrypted value",
    remedy: "decrypt it before regcred runs, for example with `sops decrypt`",
};

const OF_SEALED_SECRETS: StandIn = StandIn {
    is: is_of_sealed_secrets,
    what: "looks like a value that `kubeseal` encrypted",
    remedy: "only the controller in its cluster can open that: set the value that was sealed",
};

/// The first matching kind counts.
const PLACEHOLDERS: &[StandIn] = &[
    StandIn {
        is: is_mask,
        what: "is a mask",
        remedy: "that is how it is shown where it is hidden: set the value itself",
    },
    StandIn {
        is: is_of_printf,
        what: "is what Go's `printf` writes where a value is missing, such as `%!s(<nil>)`",
        remedy: "a template has no value of that name: look where the value is put together",
    },
    StandIn {
        is: |text| {
            const WORDS: [&str; 12] = [
                "<no value>",
                "<nil>",
                "<null>",
                "<none>",
                "(null)",
                "null",
                "NULL",
                "nil",
                "None",
                "undefined",
                "AWS::NoValue",
                "System.Security.SecureString",
            ];
            WORDS.contains(&text)
                || (text.ends_with(']') && ["map[", "[object ", "System.Object["].iter().any(|it| text.starts_with(it)))
        },
        what: "is what a program writes where a value is missing",
        remedy: "`null` is what `jq -r` prints for a name that is not there: look where the value comes from",
    },
    StandIn {
        is: |text| within(text, "${{", "}}").is_some() || within(text, "$[[", "]]").is_some(),
        what: "is `${{ … }}` that was not evaluated",
        remedy: "GitHub evaluates it in the workflow itself, under `env:`, not in what a step reads or runs",
    },
    StandIn {
        is: is_template,
        what: "is a template that was not rendered",
        remedy: "render it first, or set the value itself: regcred evaluates no templates in values",
    },
    StandIn {
        is: |text| text.strip_prefix("file://").is_some_and(is_prose),
        what: "is the address of a file",
        remedy: "write its path alone, without `file://`: a variable may name a file by its absolute path",
    },
    StandIn {
        is: is_reference,
        what: "is a reference to a secret manager that was not resolved",
        remedy: "resolve it before regcred runs, for example with `op run -- regcred …` for 1Password",
    },
    StandIn {
        is: |text| {
            within(text, "$(", ")").is_some_and(|it| is_prose(it.trim_start_matches('<')))
                || within(text, "$[", "]")
                    .or_else(|| within(text, "`", "`"))
                    .is_some_and(|it| is_prose(it) && has_a_word(it))
        },
        what: "is `$(NAME)` of a variable that was not expanded",
        remedy: "Azure Pipelines leaves a name that it does not know as it is, and a shell runs `$(…)` in double quotes only: \
                 check that the pipeline has that variable, or its group",
    },
    StandIn {
        is: |text| {
            within(text, "${", "}").is_some_and(|it| !is_name(it) && is_prose(it))
                || within(text, "%", "%")
                    .or_else(|| within(text, "@", "@"))
                    .is_some_and(|it| !is_name(it) && is_dotted(it) && has_a_word(it))
                || within(text, "%(", ")s").is_some_and(is_name)
        },
        what: "is a reference to a variable that was not expanded",
        remedy: "name that variable itself, or set the value",
    },
    StandIn {
        is: |text| {
            within(text, "<<", ">>")
                .or_else(|| within(text, "<", ">"))
                .or_else(|| within(text, "((", "))"))
                // With a filter of argocd-vault-plugin, such as `| jsonPath {.a}`.
                .map(|it| if it.contains(" | ") { it.replace(['{', '}'], "") } else { it.to_owned() })
                .is_some_and(|it| is_prose(&it) && has_a_word(&it) && !it.contains(['<', '>']) && !is_of_a_page(&it))
        },
        what: "is an example or a template that no value was put into",
        remedy: "write the value where `<…>` is; with argocd-vault-plugin regcred has to run after the plugin",
    },
];

/// Placeholders that a real password may look like.
const PERHAPS: &[StandIn] = &[
    StandIn {
        is: |text| {
            let name = text
                .trim_start_matches(['$', '\\'])
                .split_once(':')
                .filter(|(scope, _)| scope.eq_ignore_ascii_case("env"))
                .map_or(text.trim_start_matches(['$', '\\']), |(_, name)| name);
            let is_a_dollar =
                text.contains('$') && is_name(within(name, "{", "}").unwrap_or(name)) && text.len() - name.len() <= 6;
            // With one or two such characters at each end, or before braces.
            let is_marked = ["%", "@", "__", "!", "##", "$", "~", "^"].iter().any(|mark| {
                let inner = within(text, mark, mark);
                inner.is_some_and(|it| is_name(within(it, mark, mark).unwrap_or(it)))
            });
            let is_braced =
                ["%{", "~{", "@{", "!{", "$!{", "{"].iter().any(|open| within(text, open, "}").is_some_and(is_dotted));
            is_a_dollar || is_marked || is_braced || text.strip_prefix("$!").is_some_and(is_name)
        },
        what: "looks like the name of a variable that was not expanded",
        remedy: "name that variable itself, or set the value",
    },
    StandIn {
        is: has_a_template,
        what: "looks like it has a template in it that was not rendered",
        remedy: "render it first, if that is one: regcred evaluates no templates in values",
    },
    StandIn {
        is: is_cut,
        what: "ends in `…` or `...`, as a value that was cut for a page",
        remedy: "copy all of it from where it was made",
    },
    StandIn {
        is: is_example,
        what: "looks like an example that no value was put into",
        remedy: "set the value itself",
    },
    StandIn {
        is: is_notation,
        what: "looks like how a program or a file of settings writes a value or its name",
        remedy: "set the value itself, without what is around it",
    },
];

/// Whether the text begins and ends with the same quotation mark.
pub(super) fn is_in_quotes(text: &str) -> bool {
    const PAIRS: [(char, char); 4] = [('"', '"'), ('\'', '\''), ('“', '”'), ('‘', '’')];
    PAIRS.iter().any(|(open, close)| {
        text.strip_prefix(*open).and_then(|rest| rest.strip_suffix(*close)).is_some_and(|inner| !inner.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_stands_for_a_value_is_recognized() {
        for text in [
            "***",
            "••••••",
            "[MASKED]",
            "[REDACTED]",
            "<redacted>",
            "(sensitive value)",
            "**REDACTED**",
            "[secret]",
            "ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]",
            "$ANSIBLE_VAULT;1.1;AES256\n61",
            "-----BEGIN PGP MESSAGE-----\nx",
            "%!s(<nil>)",
            "%!v(MISSING)",
            "x%!(EXTRA string=y)",
            "<no value>",
            "null",
            "undefined",
            "map[a:b]",
            "${{ secrets.GHCR_TOKEN }}",
            "$[[ inputs.token ]]",
            "{{ .Values.token }}",
            "{{token}}",
            "{% raw %}",
            "#{Token}",
            "{{ registry }}-{{ token }}",
            "<%= token %>",
            "op://vault/item/field",
            "vault:secret/data/x#token",
            "awssm://acme/token",
            "arn:aws:secretsmanager:eu-west-1:1:secret:x",
            "projects/p/secrets/s/versions/1",
            "@Microsoft.KeyVault(SecretUri=x)",
            "<path:secret/data/x#token>",
            "<token>",
            "<your-token>",
            "<< pipeline.parameters.token >>",
            "((token))",
            "$(GHCR_TOKEN)",
            "$(registry.token)",
            "$(cat /run/secrets/token)",
            "`cat token`",
            "$[variables.x]",
            "${env.TOKEN}",
            "${ssm:/acme/token}",
            "%env.TOKEN%",
            "%vault:acme/token!/key%",
            "ref+vault://a/b",
            "xsecretref+vault://a/b",
            "ref+a ref+b://c",
            "NULL",
            "[object Promise]",
            "System.Security.SecureString",
            "*** masked ***",
            "awssecretsmanager://acme/token",
            "bitwarden://x",
            "k8s://ns/secret",
            "ssm:/acme/token",
            "sops:x",
            "https://acme.vault.azure.net/secrets/token",
            "arn:aws-cn:secretsmanager:cn-north-1:1:secret:x",
            "!secret token",
            "!Sub ${Token}",
            "ENC(abcdef)",
            "{cipher}AbCd",
            "vault:v2:abc",
            "${Token[TOKEN.12]}",
            "ENC[AES256_GCM,data:x",
            "ENC[PKCS7,MIIBi",
            "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSB4",
            "U2FsdGVkX1+abc=",
            "{AQAAABAAAAAQ}",
            "${DRONE_X/x/y}",
            "$(< /run/secrets/token)",
            "%(ENV_TOKEN)s",
            "@option.token@",
            "<+secrets.getValue(\"token\")>",
            "%!d(string=x)",
            "x%!v(BADINDEX)",
            "%!(NOVERB)",
            "credentialsJSON:0a1b2c3d-1111-2222-3333-444455556666",
            "[use 'op item get abc --reveal' to reveal]",
            "[concealed by 1Password]",
            "<concealed by 1Password>",
            "@Microsoft.AppConfiguration(Endpoint=https://x; Key=y)",
            "<password | jsonPath {.a}>",
            "<token | base64decode>",
            "file:///home/me/.docker/config.json",
        ] {
            assert_eq!(find(text).map(|(severity, ..)| severity), Some(Severity::Error), "{text}");
        }
    }

    #[test]
    fn what_a_password_may_look_like_is_a_warning() {
        for text in [
            "$GHCR_TOKEN",
            "${GHCR_TOKEN}",
            "$$GHCR_TOKEN",
            "\\$GHCR_TOKEN",
            "$env:TOKEN",
            "%TOKEN%",
            "@TOKEN@",
            "__TOKEN__",
            "changeme",
            "YOUR_TOKEN_HERE",
            "your-password",
            "xxxxxxxx",
            "TODO",
            "$Env:TOKEN",
            "%%TOKEN%%",
            "@@TOKEN@@",
            "$$TOKEN$$",
            "!TOKEN!",
            "%{CI_TOKEN}",
            "~{token}",
            "$!{token}",
            "$!token",
            "{token}",
            "{0}",
            "%s",
            "N/A",
            "none",
            "REPLACE_WITH_TOKEN",
            "insert-token-here",
            "Enter your password",
            "MY_TOKEN",
            "changeit",
            "b'hunter2'",
            "SecretStr('hunter2')",
            "Some(\"hunter2\")",
            "process.env.TOKEN",
            "os.environ['TOKEN']",
            "env.TOKEN",
            "secrets.GHCR_TOKEN",
            "steps.login.outputs.password",
            ".Values.registry.password",
            "secretref:token",
            "SEC[token]",
            "{noop}hunter2",
            "&token;",
            "''",
            "\"\"",
            "env:TOKEN",
            "ENV:TOKEN",
            "file:/token",
            "secret:token",
            "env(TOKEN)",
            "ENV['TOKEN']",
            "CHANGE_ME_NOW",
            "ChangeMe!",
            "changeme123",
            "please-change-me",
            "<<CHANGE_ME>>!",
            "REPLACE.ME",
            "token-placeholder",
            "dummy_password",
            "robot-{{ env }}",
            "Kd8{{x}}",
            "s3cr3t!#{x}",
            "credentials('docker')",
            "credentials(\"docker\")",
            "ghp_xxxxxxxxxxxxxxxxxxxx",
            "glpat-XXXXXXXXXXXXXXXXXXXX",
            "dckr_pat_xxxx",
            "[your-token]",
            "[Your Token Here]",
            "AgBy3i4OJSWK+PiTySYZZA9rO43cGDEq.....",
            "ghp_abc…",
        ] {
            assert_eq!(find(text).map(|(severity, ..)| severity), Some(Severity::Warning), "{text}");
        }
    }

    #[test]
    fn a_password_is_no_stand_in() {
        for text in [
            "**",
            "$1",
            "a$B",
            "ghp_x",
            "p%x",
            "100%",
            "{x",
            "[x]",
            "a<b>c",
            "<$^>",
            "x://y",
            "ref+x:/y",
            "ref+a+b://cd",
            "pref://x",
            "$2y$10$abc",
            "robot$ci",
            "x{{",
            "Secret",
            "p(x)",
            "https://x",
            "hunter2",
            "nullify",
            "Tr0ub4dor&3",
            "my-dog-has-fleas",
            "!x",
            "{x}y",
            "AgBy8hCi8V7s",
            ",%!(-;",
            "GH@Fy(xa$TR_hTYG4g%!(75r(Lkviy=Y",
            "nI#{xV(u}^V|[[mv",
            "ghp_xoxo",
            "<A0!!>",
            "@1-x@",
            "xxx",
            "a...b",
            "...a",
            "correct horse battery staple",
            "b'x",
            "env.",
            "env.a-b",
            "a.env.b",
            "&;",
            "database.secrets",
            "changement",
            "exchange-medals",
            "env:",
            "env:a b",
            "environment:x",
            "a:env",
            "ENC",
            "hQEMA",
            "gAAAA",
            "Something(x)",
        ] {
            assert!(find(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_programs_have_encrypted_is_known_by_its_first_bytes_and_its_length() {
        use Severity::{Error, Warning};
        // `AgBy…` and `AQBy…`: for a key of 4096 and of 2048 bits.
        for (head, length, severity) in [
            ("AgBy", 900, Warning),
            ("AgBy", 120, Warning),
            ("AQBy", 720, Warning),
            ("hQEMA", 300, Error),
            ("AQICAH", 200, Error),
            ("gAAAAAB", 140, Error),
        ] {
            let text = |length: usize| head.to_owned() + &"7kQ2".repeat(length / 4);
            let found = find(&text(length)).map(|(severity, code, _)| (severity, code));
            assert_eq!(found, Some((severity, Code::Encrypted)), "{head}");
            assert!(head == "gAAAAAB" || find(&text(60)).is_none(), "{head}: a password may begin like it");
        }
    }

    #[test]
    fn quotes_are_seen_where_they_are_a_pair() {
        for (text, quoted) in
            [("\"a\"", true), ("'a b'", true), ("“a”", true), ("\"a'", false), ("\"\"", false), ("\"", false)]
        {
            assert_eq!(is_in_quotes(text), quoted, "{text}");
        }
    }
}
