//! Recognizes placeholders: text of a mask, a template, a CI or a secret manager in place of a value.

mod forms;

use crate::diagnostic::{Code, Severity};
use forms::{
    evaluated_by_helmfile, has_a_template, has_a_word, is_cut, is_dotted, is_encrypted, is_example, is_mask, is_name,
    is_notation, is_of_a_page, is_of_printf, is_of_sealed_secrets, is_prose, is_reference, is_template, within,
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

pub(super) const OF_HELMFILE: StandIn = StandIn {
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
            // With one or two such marks at each end.
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
        remedy: "set only the value, without the text around it",
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
mod tests;
