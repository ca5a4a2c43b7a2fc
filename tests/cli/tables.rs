//! Writes the tables of the documentation from the tables of the code.

use std::collections::BTreeMap;
use std::fmt::Write;

use regcred_core::spec::choice::{Choice, Format, Link, Protect, Strategy};
use regcred_core::spec::combination::Combination;
use regcred_core::spec::external::generator::{GeneratorKind, Given};
use regcred_core::spec::meaning::rules;
use regcred_core::spec::typed::SETTINGS;

/// The formats of each protection.
pub fn protections() -> String {
    let mut text = "| `--format` |".to_owned();
    text.extend(Protect::ALL.iter().map(|protect| format!(" `--protect {protect}` |")));
    text.push_str("\n|---|---|---|---|---|\n");
    for &format in Format::ALL {
        let _ = write!(text, "| {format} |");
        for &protect in Protect::ALL {
            let cell = Combination { strategy: Strategy::Static, link: Link::None, protect, format };
            text.push_str(if cell.is_protectable() { " yes |" } else { " — |" });
        }
        text.push('\n');
    }
    text
}

/// The links of each strategy and format.
pub fn combinations() -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut rows = vec![row(["`--strategy`", "`--format`"]
        .map(str::to_owned)
        .into_iter()
        .chain(Link::ALL.iter().map(|link| format!("`--link {link}`")))
        .collect())];
    rows.push("|---|---|---|---|---|\n".to_owned());
    for &strategy in Strategy::ALL {
        for &format in Format::ALL {
            let cells = Link::ALL
                .iter()
                .map(|&link| Combination { strategy, link, protect: Protect::Plain, format })
                .map(|cell| if cell.is_possible() { "yes" } else { "—" });
            rows.push(row([strategy.to_string(), format.to_string()]
                .into_iter()
                .chain(cells.map(str::to_owned))
                .collect()));
        }
    }
    rows.concat()
}

/// The cases in which each option has no effect.
pub fn options() -> String {
    let mut text = "| flag | has no effect |\n|---|---|\n".to_owned();
    for setting in SETTINGS {
        let mut of_value: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (value, rule) in rules(setting) {
            of_value.entry(value).or_default().push(rule.when);
        }
        for (value, when) in of_value {
            let value = value.map_or(String::new(), |value| format!(" {value}"));
            let _ = writeln!(text, "| `{}{value}` | {} |", setting.flag, when.join("; "));
        }
    }
    text
}

/// The output of each generator of the External Secrets Operator.
pub fn generators() -> String {
    let mut text = "| `kind` | it gives | the user name is | a token lives |\n|---|---|---|---|\n".to_owned();
    text.extend(GeneratorKind::ALL.iter().map(|kind| {
        let (keys, username) = match kind.given() {
            Given::Login => ("`username`, `password`", "the one it gives"),
            Given::Token => ("`token`", "`username: {value: …}`, else `x-access-token`"),
            Given::Auth => ("`auth`", "in `auth`"),
        };
        format!("| `{kind}` | {keys} | {username} | {} h |\n", kind.hours())
    }));
    text
}
