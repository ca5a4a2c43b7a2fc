//! Tests the meaning of each variable and flag of the patcher.

use secrecy::ExposeSecret;

use super::*;

const FILE: (&str, &str) = ("CONFIG_DOCKERCONFIGJSONPATH", "/app/secrets/.dockerconfigjson");

fn settings(arguments: &[&str], variables: &[(&str, &str)]) -> Settings {
    let variables = variables.iter().map(|(name, value)| (*name, Some(*value)));
    super::read(arguments, variables).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// The messages of the problems that are left with a valid login.
fn problems(arguments: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
    let variables = variables.iter().chain([&FILE]).map(|(name, value)| (*name, Some(*value)));
    let problems = super::read(arguments, variables).err().unwrap_or_default();
    problems.into_iter().map(|problem| problem.message).collect()
}

fn names<T: ToString>(names: &[T]) -> String {
    names.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn without_settings_the_documented_defaults_apply() {
    let settings = settings(&[], &[FILE]);
    assert_eq!(settings.overwrites, Overwrites::All);
    assert_eq!((settings.verbosity, settings.passes), (Verbosity::Normal, Passes::ForEver));
    assert_eq!(settings.accounts, Accounts::Named(vec!["default".parse().unwrap()]));
    assert_eq!(settings.secret_name.as_str(), "image-pull-secret");
    assert!(settings.excluded.is_empty());
    assert_eq!(settings.interval, Duration::from_secs(10));
    assert!(matches!(settings.login, Login::File("CONFIG_DOCKERCONFIGJSONPATH", path) if path == FILE.1));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "compares with what was given")]
fn every_variable_has_its_documented_meaning() {
    let settings = settings(
        &[],
        &[
            ("CONFIG_FORCE", "True"),
            ("CONFIG_MANAGEDONLY", "1"),
            ("CONFIG_DEBUG", "t"),
            ("CONFIG_RUNONCE", "TRUE"),
            ("CONFIG_SERVICEACCOUNTS", "default, ci,,default"),
            ("CONFIG_ALLSERVICEACCOUNT", "f"),
            ("CONFIG_SECRETNAME", "acme-pull"),
            ("CONFIG_EXCLUDED_NAMESPACES", "a, kube-*"),
            ("CONFIG_LOOP_DURATION", "1m30s"),
            ("CONFIG_DOCKERCONFIGJSON", "{\"auths\":{}}"),
            ("CONFIG_DOCKERCONFIGJSONPATH", ""),
        ],
    );
    assert_eq!(settings.overwrites, Overwrites::Managed);
    assert_eq!((settings.verbosity, settings.passes), (Verbosity::Debug, Passes::One));
    assert!(matches!(&settings.accounts, Accounts::Named(of) if names(of) == "ci default"));
    assert_eq!(settings.secret_name.as_str(), "acme-pull");
    assert_eq!(settings.excluded.iter().map(NamespacePattern::as_str).collect::<Vec<_>>(), ["a", "kube-*"]);
    assert_eq!(settings.interval, Duration::from_secs(90));
    let Login::Value("CONFIG_DOCKERCONFIGJSON", value) = settings.login else { panic!("a file") };
    assert_eq!(value.expose_secret(), "{\"auths\":{}}");
}

#[test]
fn an_empty_text_is_the_default_and_an_empty_list_of_serviceaccounts_is_none() {
    let empty = ["CONFIG_FORCE", "CONFIG_SECRETNAME", "CONFIG_LOOP_DURATION", "CONFIG_SERVICEACCOUNTS"];
    let variables: Vec<_> = empty.iter().map(|name| (*name, "")).chain([FILE]).collect();
    let settings = settings(&[], &variables);
    assert_eq!(settings.overwrites, Overwrites::All);
    assert_eq!(settings.secret_name.as_str(), "image-pull-secret");
    assert_eq!(settings.accounts, Accounts::Named(Vec::new()));
}

#[test]
fn a_flag_is_read_as_go_reads_it_and_wins_over_its_variable() {
    let arguments =
        ["-force=false", "--debug", "-serviceaccounts", "ci", "-loop-duration=20s", "-allserviceaccount=0", "-runonce"];
    let settings = settings(&arguments, &[FILE, ("CONFIG_FORCE", "true"), ("CONFIG_SERVICEACCOUNTS", "default")]);
    assert_eq!(settings.overwrites, Overwrites::None);
    assert_eq!((settings.verbosity, settings.passes), (Verbosity::Debug, Passes::One));
    assert!(matches!(&settings.accounts, Accounts::Named(of) if names(of) == "ci"));
    assert_eq!(settings.interval, Duration::from_secs(20));
}

#[test]
fn a_wrong_value_is_an_error_with_the_name_and_without_the_value() {
    for (name, value, words) in [
        ("CONFIG_FORCE", "no", "is neither true nor false"),
        ("CONFIG_DEBUG", "yes", "is neither true nor false"),
        ("CONFIG_MANAGEDONLY", "hunter2", "is neither true nor false"),
        ("CONFIG_RUNONCE", "on", "is neither true nor false"),
        ("CONFIG_ALLSERVICEACCOUNT", "tRue", "is neither true nor false"),
        ("CONFIG_LOOP_DURATION", "60", "is no duration with a unit"),
        ("CONFIG_LOOP_DURATION", "10ms", "is shorter than a second"),
        ("CONFIG_SECRETNAME", "Hunter2", "is no name of a Secret"),
        ("CONFIG_SERVICEACCOUNTS", "default,Hunter2", "names nothing valid in item 2"),
        ("CONFIG_EXCLUDED_NAMESPACES", "Hunter2", "names nothing valid in item 1"),
        (
            "CONFIG_DOCKERCONFIGJSON",
            "hunter2",
            "and `CONFIG_DOCKERCONFIGJSONPATH` are set, and each gives the whole login",
        ),
    ] {
        let said = problems(&[], &[(name, value)]);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains(&format!("`{name}` {words}")), "{said:?}");
        assert!(!said[0].to_lowercase().contains("hunter2"), "{said:?}");
    }
    let said = problems(&[], &[("CONFIG_FORCE", "no"), ("CONFIG_LOOP_DURATION", "60")]);
    assert_eq!(said.len(), 2, "{said:?}");
    let Err(said) = super::read(&[], []) else { panic!("there is no login") };
    assert!(said[0].message.contains("neither `CONFIG_DOCKERCONFIGJSON` nor"), "{said:?}");
}

#[test]
fn an_unknown_variable_or_flag_is_an_error_but_a_variable_of_a_service_is_ignored() {
    let read = |name: &'static str| {
        let found = super::read(&[], [(FILE.0, Some(FILE.1)), (name, Some("hunter2"))]);
        found.err().map(|problems| format!("{}: {:?}", problems[0].message, problems[0].hint))
    };
    assert!(read("CONFIG_EXCLUDE_NAMESPACES").unwrap().contains("did you mean `CONFIG_EXCLUDED_NAMESPACES`?"));
    assert!(read("CONFIG_DELETE_PODS").unwrap().contains("tamcore's patcher"));
    assert!(read("CONFIG_X").unwrap().contains("`CONFIG_X` is no variable of imagepullsecret-patcher"));
    for name in [
        "CONFIG_SERVICE_HOST",
        "CONFIG_SERVICE_PORT",
        "CONFIG_SERVICE_PORT_HTTP",
        "CONFIG_PORT",
        "CONFIG_PORT_80_TCP",
        "CONFIG_SERVER_PORT_8888_TCP_ADDR",
    ] {
        assert_eq!(read(name), None, "{name}");
    }
    assert!(read("CONFIG_PORT_LIST").is_some());
    for (arguments, words) in [
        (&["-force", "hunter2"][..], "argument 2 is no flag"),
        (&["-force=maybe"], "`-force` is neither true nor false"),
        (&["-secretname"], "`-secretname` has no value"),
        (&["-managed-only"], "argument 1 is no flag"),
    ] {
        let said = problems(arguments, &[]);
        assert!(said.len() == 1 && said[0].starts_with(words) && !said[0].contains("hunter2"), "{said:?}");
    }
}

#[test]
fn the_program_acts_as_the_patcher_if_a_flag_of_it_comes_first_or_only_its_variables_are_set() {
    let none = |_: &str| false;
    let force = |name: &str| name == "CONFIG_FORCE";
    assert!(is_meant(&[], force) && is_meant(&["-force=true", "x"], none) && is_meant(&["--runonce"], none));
    assert!(!is_meant(&[], none) && !is_meant(&["render"], force) && !is_meant(&["--config"], force));
    assert!(!is_meant(&["force"], none) && !is_meant(&["--help"], force));
}
