//! Checks which keys are read, what is odd about them, and how they are shown.

use super::*;

fn canonical(text: &str) -> (String, usize) {
    let (key, problems) = text.parse::<RegistryKey>().unwrap().canonical();
    (key.as_str().to_owned(), problems.len())
}

#[test]
fn docker_hubs_names_become_the_one_every_client_knows() {
    for (text, warnings) in [
        ("docker.io", 0),
        ("index.docker.io", 0),
        ("https://index.docker.io/v1/", 0),
        ("https://index.docker.io/v1", 1),
        ("hub.docker.com", 1),
        ("https://registry.hub.docker.com", 1),
    ] {
        assert_eq!(canonical(text), (DOCKER_HUB.to_owned(), warnings), "{text}");
    }
}

#[test]
fn other_keys_stay_as_typed_with_a_warning_where_they_hardly_match() {
    for (text, warnings) in [
        ("ghcr.io", 0),
        ("https://ghcr.io/v2/", 0),
        ("docker.io/acme", 0),
        ("*.dkr.ecr.eu-west-1.amazonaws.com", 0),
        ("index.docker.io/acme", 1),
        ("registry-1.docker.io", 1),
        ("quay.io/v2", 1),
        ("hub.docker.com/acme", 1),
        ("hub.docker.com/r/acme", 1),
        ("https://registry.hub.docker.com/v2/acme", 1),
        ("quay.io//acme", 1),
        ("quay.io/Acme", 1),
        ("quay.io/acme/", 0),
        ("quay.io/acme/*", 1),
        ("quay.io/acme:1.0", 1),
        ("quay.io:443", 1),
        ("GHCR.io", 1),
        ("registry-.acme.com", 1),
        ("a_b.example.com:5000", 1),
        ("-a.example.com", 1),
        ("ghcr.io/-acme", 1),
        ("ghcr.io/a..b", 1),
        ("ghcr.io/a_/b", 1),
        ("ghcr.io/a_", 0),
        ("ghcr.io/a.", 0),
        ("ghcr.io/acme/a__b-c", 0),
        ("ghcr.io/glpat-abcdef", 1),
    ] {
        assert_eq!(canonical(text), (text.to_owned(), warnings), "{text}");
    }
}

#[test]
fn keys_that_are_one_for_the_kubelet_have_one_index() {
    for text in ["ghcr.io", "https://ghcr.io", "http://ghcr.io/", "ghcr.io/v1/", "https://ghcr.io/v2/"] {
        assert_eq!(text.parse::<RegistryKey>().unwrap().index(), "ghcr.io", "{text}");
    }
    assert_eq!("ghcr.io/v1/acme".parse::<RegistryKey>().unwrap().index(), "ghcr.io/acme");
}

#[test]
fn what_a_kubelet_leaves_out_of_a_key_is_left_out() {
    for (text, emitted) in [
        ("bot:secret@ghcr.io", "ghcr.io"),
        ("https://bot:secret@ghcr.io/acme", "ghcr.io/acme"),
        ("ghcr.io?x=y", "ghcr.io"),
        ("ghcr.io/acme#x", "ghcr.io/acme"),
        ("ghcr.io:", "ghcr.io"),
        ("ghcr.io/%61cme", "ghcr.io/acme"),
        ("[2001:db8::1]:5000/acme", "[2001:db8::1]:5000/acme"),
    ] {
        assert_eq!(text.parse::<RegistryKey>().unwrap().as_str(), emitted, "{text}");
    }
}

#[test]
fn only_what_looks_like_an_address_is_shown() {
    for (text, shown) in [
        ("https://ghcr.io/v2/", "https://ghcr.io/v2/"),
        ("quay.io/acme", "quay.io/acme"),
        ("ghcr.io/bot:SECRET", "ghcr.io/…"),
        ("quay.io/Acme", "quay.io/Acme"),
        ("GHCR.io", "GHCR.io"),
        ("ghcr.io/ghp_a1b2c3", "ghcr.io/…"),
        ("ghcr.io/acme/glpat-abcdef", "ghcr.io/…"),
        ("ghcr.io/dckr_pat_abc", "ghcr.io/…"),
        ("SECRETTOKEN", "…"),
        ("eyJh1.eyJz2.SflK3", "…"),
    ] {
        assert_eq!(text.parse::<RegistryKey>().unwrap().to_string(), shown, "{text}");
    }
}

#[test]
fn what_is_no_address_is_refused_without_being_repeated() {
    for (text, error) in [
        ("", InvalidRegistry::NoHost),
        ("https:///v1/", InvalidRegistry::NoHost),
        ("a..b", InvalidRegistry::Dot),
        ("ghcr.io.", InvalidRegistry::Dot),
        ("oci://ghcr.io", InvalidRegistry::Scheme),
        ("docker://ghcr.io/acme", InvalidRegistry::Scheme),
        ("HTTPS://ghcr.io", InvalidRegistry::Scheme),
        ("ghcr.io/ghp_A1b2C3", InvalidRegistry::Token),
        ("ghcr.io/acme/glpat-A1b2C3", InvalidRegistry::Token),
        ("https://ghcr.io/dckr_pat_A1b2C3", InvalidRegistry::Token),
        ("ghcr.io:port", InvalidRegistry::Port),
        ("ghcr.io/a b", InvalidRegistry::Character(10)),
        ("ghcr.io/a%", InvalidRegistry::Character(10)),
        ("[2001:db8::x]:5000", InvalidRegistry::NoHost),
        ("a:1:2", InvalidRegistry::Port),
        ("gh cr.io", InvalidRegistry::Character(3)),
        ("registry", InvalidRegistry::NoRegistry),
        (&format!("{}.io", "a".repeat(64)), InvalidRegistry::TooLong),
    ] {
        assert_eq!(text.parse::<RegistryKey>().unwrap_err(), error, "{text}");
    }
}

#[test]
fn a_token_that_is_typed_for_a_host_is_refused() {
    for token in [
        "hunter2",
        "eyJh.eyJz.SflK",
        "GHCR.io",
        "*/acme",
        "ghcr.io:",
        "bot:x@ghcr.io",
        "ghcr.io?x",
        "ghcr.io:65536",
        "ghcr.io/ghp_a1b2c3",
    ] {
        assert!(RegistryKey::typed(token).is_err(), "{token}");
    }
    for host in ["ghcr.io", "localhost", "registry:5000/Team", "[2001:db8::1]:5000", "https://index.docker.io/v1/"] {
        assert!(RegistryKey::typed(host).is_ok(), "{host}");
    }
}
