//! Checks which keys match an image, and in which order.

use super::*;

fn tried(keys: &[&str], image: &str) -> Vec<String> {
    let keys: Vec<RegistryKey> = keys.iter().map(|key| key.parse().unwrap()).collect();
    matching(keys.iter(), |key| key, &image.parse().unwrap()).into_iter().map(ToString::to_string).collect()
}

#[test]
fn an_image_is_spelled_out() {
    for (text, full) in [
        ("nginx", "docker.io/library/nginx"),
        ("nginx:1.27", "docker.io/library/nginx"),
        ("acme/api@sha256:DIGEST", "docker.io/acme/api"),
        ("index.docker.io/nginx", "docker.io/library/nginx"),
        ("localhost/api", "localhost/api"),
        ("localhost:5000/api:1", "localhost:5000/api"),
        ("Team/api", "Team/api"),
        ("ghcr.io/acme/api:1.4@sha256:DIGEST", "ghcr.io/acme/api"),
        ("[2001:db8::1]:5000/acme/api:1", "[2001:db8::1]:5000/acme/api"),
        ("[2001:db8::1]/api", "[2001:db8::1]/api"),
    ] {
        let text = text.replace("DIGEST", &"0a".repeat(32));
        assert_eq!(text.parse::<Image>().unwrap().to_string(), full, "{text}");
    }
    for bad in [
        "",
        "/",
        "ghcr.io/",
        "ghcr.io/Acme",
        "a b",
        "ghcr.io/-a",
        "a//b",
        "a..b",
        "a___b",
        "a._b",
        "a:",
        "a:-1",
        "a@sha256:0",
        "a@b",
        "-a.io/b",
        "a_b.io:80/c",
        "a.io:x/b",
        "[2001:db8::g]/b",
        "[]:5000/b",
        "[::1]:/b",
        &"0a".repeat(32),
    ] {
        assert!(bad.parse::<Image>().is_err(), "{bad}");
    }
}

#[test]
fn a_text_that_is_no_image_gets_the_reason() {
    for (bad, why) in [
        ("https://ghcr.io/acme/api", "scheme"),
        ("ghcr.io/acme /api", "white space"),
        ("ghcr.io/Acme/api", "capital"),
        ("ghcr.io/acme/api:", "tag"),
        ("ghcr.io/acme/api@sha256:0", "digest"),
        ("ghcr_.io/acme", "host"),
        ("ghcr.io//acme", "a part of its path"),
        ("", "empty"),
    ] {
        let said = bad.parse::<Image>().unwrap_err().to_string();
        assert!(said.contains(why), "{bad}: {said}");
    }
}

#[test]
fn a_host_alone_looks_like_a_registry() {
    for registry in ["ghcr.io", "registry.example.com:5000", "localhost", "localhost:5000"] {
        assert!(Image::looks_like_a_registry(registry), "{registry}");
    }
    for image in ["nginx", "nginx:1.27", "ghcr.io/acme/api", "acme/a.b", "a.b:latest"] {
        assert!(!Image::looks_like_a_registry(image), "{image}");
    }
}

#[test]
fn a_key_matches_by_the_kubelets_rules() {
    let hub = "https://index.docker.io/v1/";
    for (keys, image, expected) in [
        (&["ghcr.io"][..], "ghcr.io/acme/api", &["ghcr.io"][..]),
        (&["ghcr.io", "ghcr.io/acme"], "ghcr.io/acme/api", &["ghcr.io/acme", "ghcr.io"]),
        (&["ghcr.io/acme"], "ghcr.io/acmeco/api", &["ghcr.io/acme"]),
        (&["*.io"], "a.b.io/x", &[]),
        (&["*.io"], "ghcr.io/x", &["*.io"]),
        (&["gh*r.io"], "ghcr.io/x", &["gh*r.io"]),
        (&["ghcr.io:443"], "ghcr.io/x", &[]),
        (&[hub], "nginx", &[hub]),
        (&[hub, "docker.io/acme"], "acme/api", &["docker.io/acme"]),
        (&[hub, "docker.io/acme"], "nginx", &[hub]),
        (&[hub], "ghcr.io/x", &[]),
        (&["[2001:db8::1]:5000"], "[2001:db8::1]:5000/x", &["[2001:db8::1]:5000"]),
        (&["[2001:db8::1]:5000"], "[2001:db8::1]/x", &[]),
        (&["[2001:db8::1]"], "[2001:db8::1]/x", &[]),
        (&[hub], "localhost/x", &[hub]),
        (&[hub, "localhost"], "localhost/x", &["localhost"]),
    ] {
        assert_eq!(tried(keys, image), expected, "{keys:?} {image}");
    }
}
