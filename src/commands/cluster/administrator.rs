//! Builds the command with which an administrator applies the policies of `--link policy`.

use regcred_core::names::ResourceName;
use regcred_core::spec::typed::Typed;

use crate::cli::cluster::PlaceArguments;
use crate::settings::file::Which;

/// The typed arguments of a run. They are shown only after the logins were read: before that, a name may be a secret that somebody typed by
/// mistake.
#[derive(Clone, Copy)]
pub(super) struct Administrator<'a> {
    pub(super) which: &'a Which,
    pub(super) typed: &'a Typed,
    pub(super) place: &'a PlaceArguments,
}

/// The flags on which the policies depend.
const FLAGS: [&str; 8] = [
    "--namespaces",
    "--exclude",
    "--secret-name",
    "--docker-config",
    "--docker-config-file",
    "--credential-helpers",
    "--login",
    "--allow-short-lived",
];

impl Administrator<'_> {
    /// The command for one cluster, which may have a context. It is the command of this run: `render` would take the namespaces of other
    /// runs out of the policy.
    pub(super) fn command(&self, cluster: Option<&ResourceName>, context: Option<&str>) -> String {
        let mut words = vec!["regcred apply --link policy".to_owned()];
        match self.which {
            Which::Named(path) => words.push(format!("--config {}", quoted(&path.to_string_lossy()))),
            Which::No => words.push("--no-config".to_owned()),
            Which::Found => {}
        }
        words.extend(cluster.map(|cluster| format!("--cluster {cluster}")));
        words.extend(context.map(|context| format!("--context {}", quoted(context))));
        words.extend(self.place.all_namespaces.then(|| "--all-namespaces".to_owned()));
        words.extend(self.place.selector.as_ref().map(|labels| format!("--selector {}", quoted(labels))));
        for (setting, _, values) in self.typed.iter().filter(|(setting, ..)| FLAGS.contains(&setting.flag)) {
            let values: Vec<_> = values.iter().map(|value| value.to_string_lossy()).collect();
            match setting.flag {
                flag @ ("--namespaces" | "--exclude") => words.push(format!("{flag} {}", quoted(&values.join(",")))),
                flag @ ("--credential-helpers" | "--allow-short-lived") => words.push(flag.to_owned()),
                flag => words.extend(values.iter().map(|value| format!("{flag} {}", quoted(value)))),
            }
        }
        words.join(" ")
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::spec::Origin;
    use regcred_core::spec::typed::find;

    use super::*;

    fn command(which: &Which, flags: &[(&str, &[&str])], place: &PlaceArguments) -> String {
        let mut typed = Typed::default();
        for (flag, values) in flags {
            let setting = find(flag).unwrap();
            typed.add(setting, Origin::Flag(setting.flag), values.iter().map(Into::into).collect());
        }
        let command = Administrator { which, typed: &typed, place }.command(None, Some("prod"));
        command.strip_prefix("regcred apply --link policy ").unwrap().replace("--context prod", "C")
    }

    #[test]
    fn the_command_has_the_flags_of_the_run_that_decide_about_the_policies() {
        let (found, place) = (Which::Found, PlaceArguments::default());
        let names: &[(&str, &[&str])] =
            &[("--namespaces", &["a", "b"]), ("--secret-name", &["pull"]), ("--link", &["policy"]), ("--prune", &[])];
        assert_eq!(command(&found, names, &place), "C --namespaces a,b --secret-name pull");
        let file = Which::Named("it's/regcred.yaml".into());
        assert_eq!(command(&file, &[], &place), r"--config 'it'\''s/regcred.yaml' C");
        let login: &[(&str, &[&str])] = &[("--login", &["ghcr.io=U:P", "quay"]), ("--allow-short-lived", &[])];
        assert_eq!(
            command(&Which::No, login, &place),
            "--no-config C --login ghcr.io=U:P --login quay --allow-short-lived"
        );
        let globs: &[(&str, &[&str])] = &[("--namespaces", &["team-*"]), ("--exclude", &["*-tmp"])];
        assert_eq!(command(&found, globs, &place), "C --namespaces 'team-*' --exclude '*-tmp'");
        let labelled =
            PlaceArguments { selector: Some("a in (b)".to_owned()), all_namespaces: true, ..PlaceArguments::default() };
        assert_eq!(command(&found, &[], &labelled), "C --all-namespaces --selector 'a in (b)'");
    }
}
