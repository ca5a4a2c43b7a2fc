//! Checks that `explain` finds each cause in its typical facts.

#![expect(clippy::unwrap_used, reason = "facts of a test have a Pod")]

mod known;
mod read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regcred_core::explain::{
    Account, Cause, Facts, Finding, Place, Pod, Policies, PolicyState, PullSecret, State, Wanted, explain,
};
use regcred_core::registry::verdict::{Fault, Login, Pull, Verdict};
use serde_json::{Value, json};

const IMAGE: &str = "ghcr.io/acme/api:1";
const REFUSED: &str = "Back-off pulling image: ErrImagePull: failed to authorize: unexpected status: 401 Unauthorized";

fn secret(name: &str, auths: &Value) -> PullSecret {
    let config = STANDARD.encode(json!({"auths": auths}).to_string());
    let object = json!({
        "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
        "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": config},
    });
    PullSecret::read(name, &object)
}

fn login(key: &str) -> Value {
    json!({key: {"auth": "dTpw"}})
}

fn verdict(login: Option<Login>, pull: Pull) -> Vec<Verdict> {
    let source = login.as_ref().map(|_| "Secret `pull`".to_owned());
    let images = vec![(IMAGE.to_owned(), pull)];
    vec![Verdict { registry: "ghcr.io".into(), source, username: None, login, images, expires: None, limits: None }]
}

fn waiting(reason: &str, message: &str) -> State {
    State::Waiting(reason.to_owned(), message.to_owned())
}

/// A Pod that fails to pull, although all facts are right.
fn facts() -> Facts {
    Facts {
        place: Place::default(),
        pod: Some(Pod {
            name: "api-1".into(),
            workload: None,
            is_bare: false,
            references: vec!["pull".into()],
            account: "default".into(),
            is_scheduled: true,
            created: "2026-01-02T00:00:00Z".into(),
        }),
        account: Account { exists: true, references: vec!["pull".into()], ..Account::default() },
        secrets: vec![secret("pull", &login("ghcr.io"))],
        others: Vec::new(),
        wanted: Wanted { state: waiting("ImagePullBackOff", REFUSED), ..Wanted::image(IMAGE) },
        verdicts: verdict(Some(Login::Good), Pull::Allowed),
        now: 1_800_000_000,
    }
}

/// The Pod has no reference, and the registry requires a login.
fn without_references(facts: &mut Facts) {
    facts.pod.as_mut().unwrap().references.clear();
    facts.account.references.clear();
    facts.secrets.clear();
    facts.verdicts = verdict(None, Pull::NeedsLogin);
}

/// The Pod refers to another Secret.
fn with_secret(facts: &mut Facts, secret: PullSecret) {
    facts.secrets = vec![secret];
    facts.verdicts = verdict(None, Pull::NeedsLogin);
}

fn with_key(facts: &mut Facts, key: &str, image: &str) {
    with_secret(facts, secret("pull", &login(key)));
    facts.wanted = Wanted { state: facts.wanted.state.clone(), ..Wanted::image(image) };
    facts.verdicts.clear();
}

fn says(facts: &mut Facts, message: &str) {
    facts.wanted.state = waiting("ErrImagePull", message);
}

type Change = fn(&mut Facts);

const CASES: &[(Cause, Change)] = &[
    (Cause::InvalidImageName, |facts| facts.wanted = Wanted::image("ghcr.io/Acme/api")),
    (Cause::InvalidImageName, |facts| facts.wanted.state = waiting("InvalidImageName", "")),
    (Cause::NeverPull, |facts| facts.wanted.state = waiting("ErrImageNeverPull", "")),
    (Cause::SignatureInvalid, |facts| facts.wanted.state = waiting("SignatureValidationFailed", "")),
    (Cause::NotScheduled, |facts| facts.pod.as_mut().unwrap().is_scheduled = false),
    (Cause::UnknownAuthority, |facts| {
        says(facts, "tls: failed to verify certificate: x509: certificate signed by unknown authority");
    }),
    (Cause::InvalidCertificate, |facts| says(facts, "x509: certificate has expired or is not yet valid")),
    (Cause::PlainHttp, |facts| says(facts, "http: server gave HTTP response to HTTPS client")),
    (Cause::Mirror, |facts| {
        says(facts, "Head \"https://mirror.lan/v2/acme/api/manifests/1?ns=ghcr.io\": 401 Unauthorized");
    }),
    (Cause::UnknownHost, |facts| says(facts, "dial tcp: lookup ghcr.io: no such host")),
    (Cause::Unreachable, |facts| says(facts, "dial tcp 10.0.0.1:443: connect: connection refused")),
    (Cause::Unreachable, |facts| facts.wanted.state = waiting("RegistryUnavailable", "")),
    (Cause::RateLimit, |facts| says(facts, "429 Too Many Requests")),
    (Cause::WrongPlatform, |facts| says(facts, "no match for platform in manifest: not found")),
    (Cause::DiskFull, |facts| says(facts, "write /var/lib/x: no space left on device")),
    (Cause::SecretBroken, |facts| {
        let object =
            json!({"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": STANDARD.encode("x")}});
        facts.secrets.push(PullSecret::read("other", &object));
    }),
    (Cause::BadEntry, |facts| facts.secrets.push(secret("other", &json!({"quay.io": {"auth": "?"}})))),
    // No login matches, but nobody has said that the image needs one.
    (Cause::NotReported, |facts| {
        with_key(facts, "quay.io", "nobody-has-this-name.test/acme/api:1");
        facts.wanted.state = State::Unknown;
    }),
    (Cause::NotReported, |facts| {
        without_references(facts);
        facts.wanted.state = State::Unknown;
        facts.verdicts = verdict(None, Pull::Unreachable(Fault::Name));
    }),
    (Cause::NoReference, |facts| {
        without_references(facts);
        facts.wanted.state = State::Unknown;
    }),
    // Without a Pod no node reports anything.
    (Cause::NoKey, |facts| {
        with_key(facts, "quay.io", IMAGE);
        facts.wanted.state = State::Unknown;
        facts.pod = None;
    }),
    (Cause::AccountMissing, |facts| {
        without_references(facts);
        facts.account.exists = false;
    }),
    (Cause::NamespaceExcluded, |facts| {
        without_references(facts);
        facts.place.opts_out = vec!["regcred.dev/exclude"];
    }),
    (Cause::AccountExcluded, |facts| {
        without_references(facts);
        facts.account.opts_out = vec!["regcred.dev/exclude"];
    }),
    (Cause::LinkedLater, |facts| {
        without_references(facts);
        facts.account.references.push("pull".into());
        facts.others = vec![secret("pull", &login("ghcr.io"))];
    }),
    // The ServiceAccount was linked after the Pod, but its Secret has no login for the image: a new Pod would fail, too.
    (Cause::NoKey, |facts| {
        without_references(facts);
        facts.account.references.push("pull".into());
        facts.others = vec![secret("pull", &login("quay.io"))];
    }),
    (Cause::PolicyExcludes, |facts| {
        without_references(facts);
        facts.place.policy = PolicyState::Excludes;
    }),
    (Cause::PolicyLater, |facts| {
        without_references(facts);
        facts.place.policy = PolicyState::Serves;
    }),
    (Cause::ReferenceDropped, |facts| {
        without_references(facts);
        facts.place.ours.push("image-pull-secret".into());
        facts.account.other_writers = vec!["openshift-controller-manager".into()];
    }),
    // No writer is recorded, as after a client-side apply.
    (Cause::ReferenceDropped, |facts| {
        with_key(facts, "quay.io", IMAGE);
        facts.place.ours.push("image-pull-secret".into());
        facts.others = vec![secret("image-pull-secret", &login("ghcr.io"))];
    }),
    (Cause::NoReference, without_references),
    (Cause::OwnReferences, |facts| {
        with_key(facts, "quay.io", IMAGE);
        facts.pod.as_mut().unwrap().references = vec!["own".into()];
        facts.others = vec![secret("pull", &login("ghcr.io"))];
    }),
    (Cause::SecretMissing, |facts| with_secret(facts, PullSecret::missing("pull"))),
    (Cause::WrongType, |facts| with_secret(facts, PullSecret::read("pull", &json!({"type": "Opaque", "data": {}})))),
    (Cause::IdentityToken, |facts| {
        with_secret(facts, secret("pull", &json!({"ghcr.io": {"auth": "MDo=", "identitytoken": "x"}})));
    }),
    (Cause::SecretEmpty, |facts| with_secret(facts, secret("pull", &json!({"ghcr.io": {}})))),
    (Cause::SecretEmpty, |facts| with_secret(facts, secret("pull", &json!({})))),
    (Cause::KeyScheme, |facts| with_key(facts, "oci://ghcr.io", IMAGE)),
    (Cause::KeyDockerHub, |facts| with_key(facts, "https://index.docker.io/v1", "acme/api")),
    (Cause::KeyDockerHub, |facts| with_key(facts, "registry-1.docker.io", "acme/api")),
    (Cause::KeyDockerHub, |facts| with_key(facts, "hub.docker.com", "nginx")),
    (Cause::KeyPort, |facts| with_key(facts, "ghcr.io:443", IMAGE)),
    (Cause::KeyPath, |facts| with_key(facts, "ghcr.io/other", IMAGE)),
    (Cause::KeyGlob, |facts| with_key(facts, "*.io", "a.b.io/x")),
    (Cause::KeyWebSite, |facts| with_key(facts, "github.com", IMAGE)),
    (Cause::KeyHost, |facts| with_key(facts, "ghrc.io", IMAGE)),
    (Cause::NoKey, |facts| with_key(facts, "quay.io", IMAGE)),
    (Cause::Expired, |facts| facts.verdicts = verdict(Some(Login::Expired), Pull::Refused)),
    (Cause::Expired, |facts| {
        facts.verdicts = verdict(Some(Login::Refused), Pull::Refused);
        facts.verdicts[0].expires = Some(1_700_000_000);
    }),
    (Cause::WrongPassword, |facts| facts.verdicts = verdict(Some(Login::Refused), Pull::Refused)),
    (Cause::BreaksPublic, |facts| facts.verdicts = verdict(Some(Login::Refused), Pull::BreaksPublic)),
    (Cause::NoRight, |facts| facts.verdicts = verdict(Some(Login::Good), Pull::NoRight)),
    (Cause::NoSuchTag, |facts| facts.verdicts = verdict(Some(Login::Good), Pull::NoSuchTag)),
    (Cause::NotFound, |facts| facts.verdicts = verdict(Some(Login::Good), Pull::NotFound)),
    (Cause::RefusedThere, |facts| facts.verdicts = verdict(Some(Login::Anybody), Pull::Refused)),
    (Cause::RefusedThere, |facts| facts.verdicts.clear()),
    (Cause::RefusedThere, |facts| {
        facts.verdicts = verdict(Some(Login::Unreachable(Fault::Name)), Pull::Unreachable(Fault::Name));
    }),
    (Cause::LaterFixed, |facts| facts.secrets[0].written = "2026-01-03T00:00:00Z".into()),
    (Cause::OnlyCached, |facts| {
        facts.wanted.state = State::Pulled;
        facts.verdicts = verdict(Some(Login::Refused), Pull::Refused);
    }),
    (Cause::Fine, |facts| facts.wanted.state = State::Pulled),
    (Cause::Fine, |facts| facts.wanted.state = State::Unknown),
];

#[test]
fn each_cause_is_found_in_its_typical_facts() {
    let mut wrong = Vec::new();
    for (number, (cause, change)) in CASES.iter().enumerate() {
        let mut facts = facts();
        change(&mut facts);
        let finding = explain(&facts);
        if finding.cause != Some(*cause) {
            wrong.push(format!("case {number}: {:?} in place of {cause:?}", finding.cause));
        }
    }
    println!("{} of {} causes are found", CASES.len() - wrong.len(), CASES.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_cause_has_a_case() {
    let without: Vec<_> = Cause::ALL.iter().filter(|cause| !CASES.iter().any(|(known, _)| known == *cause)).collect();
    assert!(without.is_empty(), "{without:?}");
}

#[test]
fn what_is_not_known_is_said_with_what_was_ruled_out() {
    let finding = explain(&facts());
    assert_eq!(finding.cause, None);
    assert!(finding.ruled_out.contains(&Cause::WrongPassword) && finding.ruled_out.len() > 30, "{finding:?}");
}

#[test]
fn a_missing_secret_is_no_cause_where_another_one_has_the_login() {
    let mut facts = facts();
    facts.secrets.insert(0, PullSecret::missing("gone"));
    facts.verdicts = verdict(Some(Login::Refused), Pull::Refused);
    assert_eq!(explain(&facts).cause, Some(Cause::WrongPassword));
    let about = explain(&facts).about;
    assert!(about.contains("Secret `pull`"), "{about}");
}

#[test]
fn one_good_login_of_several_is_enough() {
    let mut facts = facts();
    facts.verdicts.extend(verdict(Some(Login::Refused), Pull::Refused));
    assert_eq!(explain(&facts).cause, None);
}
