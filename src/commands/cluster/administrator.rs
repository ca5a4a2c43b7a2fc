//! Builds the command with which an administrator applies the policies of `--link policy`.

use regcred_core::cluster::delivery::field_manager;
use regcred_core::names::{NamespacePattern, ResourceName};
use regcred_core::spec::typed::Typed;

use crate::cli::cluster::PlaceArguments;
use crate::settings::Settings;
use crate::settings::file::Which;

/// What was typed for a run. It is shown only once the logins were read: until then, a secret may have been typed for a name.
#[derive(Clone, Copy)]
pub(super) struct Administrator<'a> {
    pub(super) which: &'a Which,
    pub(super) typed: &'a Typed,
    pub(super) place: &'a PlaceArguments,
}

/// The flags that `render` also has, and on which the policies depend.
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
    /// The command for one cluster, which may have a context.
    pub(super) fn command(&self, settings: &Settings, context: Option<&str>) -> String {
        let include = || settings.pull_secrets.iter().map(|one| one.include.as_slice());
        self.words(settings.cluster.as_ref(), chooses(self.place, include()), context, &settings.marks().owner)
    }

    fn words(&self, cluster: Option<&ResourceName>, chooses: Chooses, context: Option<&str>, owner: &str) -> String {
        let kubectl = context.map_or("kubectl".to_owned(), |context| format!("kubectl --context {}", quoted(context)));
        let list = match (chooses, &self.place.selector) {
            (Chooses::ByName, _) => String::new(),
            (Chooses::FromList, None) => format!("{kubectl} get namespaces -o json | "),
            (Chooses::FromList, Some(labels)) => format!("{kubectl} get namespaces -l {} -o json | ", quoted(labels)),
        };
        let mut words = vec!["regcred render --link policy".to_owned()];
        match self.which {
            Which::Named(path) => words.extend(["--config".to_owned(), quoted(&path.to_string_lossy())]),
            Which::No => words.push("--no-config".to_owned()),
            Which::Found => {}
        }
        words.extend(cluster.map(|cluster| format!("--cluster {cluster}")));
        words.extend((chooses == Chooses::FromList).then(|| "--namespaces-from -".to_owned()));
        words.extend(self.place.all_namespaces.then(|| "--namespaces '*'".to_owned()));
        for (setting, _, values) in self.typed.iter().filter(|(setting, ..)| FLAGS.contains(&setting.flag)) {
            let values: Vec<_> = values.iter().map(|value| value.to_string_lossy()).collect();
            match setting.flag {
                flag @ ("--namespaces" | "--exclude") => words.push(format!("{flag} {}", quoted(&values.join(",")))),
                flag @ ("--credential-helpers" | "--allow-short-lived") => words.push(flag.to_owned()),
                flag => words.extend(values.iter().map(|value| format!("{flag} {}", quoted(value)))),
            }
        }
        let manager = field_manager(owner);
        format!("{list}{} | {kubectl} apply --server-side --field-manager={manager} -f -", words.join(" "))
    }
}

/// Where the namespaces of a run come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chooses {
    /// They are named.
    ByName,
    /// They are chosen from those of the cluster.
    FromList,
}

fn chooses<'a>(place: &PlaceArguments, mut include: impl Iterator<Item = &'a [NamespacePattern]>) -> Chooses {
    let needs_list = |include: &[NamespacePattern]| {
        include.iter().any(|pattern| pattern.name().is_none()) || (include.is_empty() && place.selector.is_some())
    };
    if place.all_namespaces || include.any(needs_list) { Chooses::FromList } else { Chooses::ByName }
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

    fn command(which: &Which, flags: &[(&str, &[&str])], place: &PlaceArguments, include: &[&str]) -> String {
        let mut typed = Typed::default();
        for (flag, values) in flags {
            let setting = find(flag).unwrap();
            typed.add(setting, Origin::Flag(setting.flag), values.iter().map(Into::into).collect());
        }
        let include: Vec<NamespacePattern> = include.iter().map(|text| text.parse().unwrap()).collect();
        let chooses = chooses(place, [include.as_slice()].into_iter());
        let command = Administrator { which, typed: &typed, place }.words(None, chooses, None, "acme");
        let end = " | kubectl apply --server-side --field-manager=regcred-acme -f -";
        command.strip_suffix(end).unwrap().replace("regcred render --link policy", "R")
    }

    #[test]
    fn the_command_has_the_flags_of_the_run_that_decide_about_the_policies() {
        let (found, place) = (Which::Found, PlaceArguments::default());
        let names: &[(&str, &[&str])] =
            &[("--namespaces", &["a", "b"]), ("--secret-name", &["pull"]), ("--link", &["policy"]), ("--prune", &[])];
        assert_eq!(command(&found, names, &place, &["a", "b"]), "R --namespaces a,b --secret-name pull");
        let file = Which::Named("it's/regcred.yaml".into());
        assert_eq!(command(&file, &[], &place, &["a"]), r"R --config 'it'\''s/regcred.yaml'");
        let login: &[(&str, &[&str])] = &[("--login", &["ghcr.io=U:P", "quay"]), ("--allow-short-lived", &[])];
        assert_eq!(
            command(&Which::No, login, &place, &["a"]),
            "R --no-config --login ghcr.io=U:P --login quay --allow-short-lived"
        );
        let list = "kubectl get namespaces -o json | R --namespaces-from -";
        let globs: &[(&str, &[&str])] = &[("--namespaces", &["team-*"]), ("--exclude", &["*-tmp"])];
        assert_eq!(
            command(&found, globs, &place, &["team-*"]),
            format!("{list} --namespaces 'team-*' --exclude '*-tmp'")
        );
        let all = PlaceArguments { all_namespaces: true, ..PlaceArguments::default() };
        assert_eq!(command(&found, &[], &all, &[]), format!("{list} --namespaces '*'"));
        let labelled = PlaceArguments { selector: Some("a in (b)".to_owned()), ..PlaceArguments::default() };
        let list = "kubectl get namespaces -l 'a in (b)' -o json | R --namespaces-from -";
        assert_eq!(command(&found, &[], &labelled, &[]), list);
    }
}
