//! Maps words of kubectl and of other tools to the commands that do the same here.

/// Commands, separated by spaces, and what to type instead.
const COMMANDS: &[(&str, &str)] = &[
    (
        "apply create deploy install sync upgrade",
        "did you mean `apply`? `regcred render … | kubectl apply --server-side -f -` applies what is rendered",
    ),
    (
        "destroy purge remove rm uninstall",
        "did you mean `delete`? `regcred delete -n NAMES` removes references and Secrets of this owner, nothing else",
    ),
    ("describe get list", "did you mean `status`?"),
    ("diff", "`regcred diff` compares with a cluster, `regcred render --check` with files"),
    ("build generate template", "did you mean `render`?"),
    ("check lint test validate", "did you mean `verify`? `regcred render --check` compares files"),
    ("encrypt kubeseal seal", "`regcred render --protect sealed` writes SealedSecrets"),
    ("login", "logins stay in variables: `regcred verify --list` says which are read"),
    ("version", "`regcred --version` prints it"),
];

/// Flags, separated by spaces, and what to type instead.
const FLAGS: &[(&str, &str)] = &[
    ("--shape", "`--shape` is called `--format` now"),
    ("--dry-run", "`render` changes no cluster; `--check` compares with files, `regcred diff` with a cluster"),
    (
        "-A --all --all-namespaces",
        "pipe the list of namespaces in: `kubectl get ns -o json | regcred render --namespaces-from -`",
    ),
    (
        "-l --selector",
        "let kubectl choose by labels: `kubectl get ns -l team=a -o json | regcred render --namespaces-from -`",
    ),
    ("-f --file --filename", "`--config FILE` reads another regcred.yaml"),
    ("--context --kubeconfig --prune", "`render` writes manifests: give this flag to kubectl, behind the pipe"),
    ("--field-manager --force-conflicts --server-side --wait", "leave it out; behind `render`, give it to kubectl"),
    (
        "-p -u --auth --docker-email --docker-password --docker-server --docker-username --email --from-literal \
         --host --password --password-stdin --registries --registry --server --token --user --username",
        "name the variables of a login: `--login HOST=USERVAR:PASSVAR`, for example --login ghcr.io=GHCR_USER:GHCR_TOKEN",
    ),
    ("--json --yaml", "did you mean `--format`?"),
    ("--name", "did you mean `--secret-name`?"),
    ("--exclude-none --include-system", "did you mean `--no-default-excludes`?"),
    ("--ns", "did you mean `--namespaces`?"),
    ("--sa", "did you mean `--service-account`?"),
    (
        "--config-json --docker-config-json --dockerconfigjson --from-env-file --from-file",
        "`--docker-config-file FILE` reads a Docker config, `--docker-config VAR` names a variable that holds one",
    ),
    ("--cert --certificate", "did you mean `--sealing-cert`?"),
    ("--scope", "did you mean `--sealing-scope`?"),
    (
        "--controller-name --controller-namespace",
        "`regcred fetch-cert` takes this flag, and writes the certificate for --sealing-cert",
    ),
    (
        "-e -i --age --azure-kv --encrypt --encrypted-regex --gcp-kms --hc-vault-transit --in-place --kms --pgp",
        "`--protect sops` runs sops with the rules of .sops.yaml",
    ),
    ("--set --values", "`--format helm-values` writes values; settings are flags, or fields of regcred.yaml"),
    ("-q --debug --quiet --silent", "only warnings and errors are printed; `-v` also reports what is read and written"),
    ("--annotation --annotations --label --labels", "`--templates DIR` restyles the objects, except Secrets"),
];

/// The command of regcred that does the same as this command of another tool.
pub(super) fn command(word: &str) -> Option<&'static str> {
    find(COMMANDS, word)
}

/// The flag of regcred that does the same as this flag of another tool.
pub(super) fn flag(word: &str) -> Option<&'static str> {
    find(FLAGS, word)
}

fn find(table: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(words, _)| words.split(' ').any(|known| known == word)).map(|(_, hint)| *hint)
}
