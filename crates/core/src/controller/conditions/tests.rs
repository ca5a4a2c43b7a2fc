//! Tests the status of a custom resource.

use super::*;

fn summary(status: &Status) -> Vec<String> {
    let word = |one: &Condition| format!("{}={} {}", one.type_, one.status, one.reason);
    status.conditions.iter().map(word).collect()
}

#[test]
fn each_state_has_its_conditions() {
    let refusal = |reason| Refusal { reason, message: "no".to_owned() };
    let refused = |reason| Verdict { refusals: vec![refusal(reason)], ..Verdict::default() };
    let broken = Verdict { broken: vec!["bad".to_owned()], ..Verdict::default() };
    let counts = |wanted, served| Counts { wanted, served, ..Counts::default() };
    let left = || Some(("Left", "x".to_owned()));
    for (verdict, counts, trouble, expected) in [
        (
            Verdict::default(),
            counts(2, 2),
            None,
            ["Ready=True Served", "NotPermitted=False WithinTheInstallation", "LoginBroken=False Checked"],
        ),
        (
            Verdict::default(),
            counts(2, 1),
            None,
            ["Ready=False Pending", "NotPermitted=False WithinTheInstallation", "LoginBroken=False Checked"],
        ),
        (
            Verdict::default(),
            counts(0, 0),
            None,
            ["Ready=False NothingChosen", "NotPermitted=False WithinTheInstallation", "LoginBroken=False Checked"],
        ),
        (
            Verdict::default(),
            counts(2, 1),
            left(),
            ["Ready=False Left", "NotPermitted=False WithinTheInstallation", "LoginBroken=False Checked"],
        ),
        (
            broken,
            counts(2, 2),
            left(),
            ["Ready=False LoginBroken", "NotPermitted=False WithinTheInstallation", "LoginBroken=True Broken"],
        ),
        (
            refused(Reason::Registry),
            counts(0, 0),
            None,
            ["Ready=False NotPermitted", "NotPermitted=True Registry", "LoginBroken=Unknown NotRead"],
        ),
        (
            refused(Reason::NameTaken),
            counts(0, 0),
            None,
            ["Ready=False NameTaken", "NotPermitted=True NameTaken", "LoginBroken=Unknown NotRead"],
        ),
    ] {
        let status = Status::new(&verdict, counts, trouble, &[], Accepted::Yes, &Status::default(), "now");
        assert_eq!(summary(&status)[..3], expected, "{verdict:?}");
    }
}

#[test]
fn a_named_object_that_does_not_exist_is_reported_unless_the_resource_is_ignored() {
    let message = |verdict: &Verdict, wanted| {
        let counts = Counts { wanted, served: wanted, ..Counts::default() };
        let absent = ["namespace shop-crat".to_owned(), "ServiceAccount bulider".to_owned()];
        let status = Status::new(verdict, counts, None, &absent, Accepted::Yes, &Status::default(), "now");
        status.conditions[0].message.clone()
    };
    let said = message(&Verdict::default(), 1);
    assert_eq!(said, "1 of 1 namespaces are served; not there: namespace shop-crat, ServiceAccount bulider");
    assert!(message(&Verdict::default(), 0).ends_with("; not there: namespace shop-crat, ServiceAccount bulider"));
    let refusals = vec![Refusal { reason: Reason::Namespaces, message: "no".to_owned() }];
    assert!(!message(&Verdict { refusals, ..Verdict::default() }, 0).contains("not there"));
}

#[test]
fn a_time_changes_only_with_what_it_is_about() {
    let counts = |served| Counts { wanted: 2, served, ..Counts::default() };
    let verdict = Verdict { generation: 1, ..Verdict::default() };
    let at = |verdict: &Verdict, served, before: &Status, now| {
        Status::new(verdict, counts(served), None, &[], Accepted::Yes, before, now)
    };
    let first = at(&verdict, 0, &Status::default(), "1");
    assert_eq!(at(&verdict, 0, &first, "2"), first);
    let second = at(&verdict, 1, &first, "2");
    assert_eq!((second.last_change.as_str(), second.conditions[0].last_transition_time.as_str()), ("2", "1"));
    let third = at(&Verdict { generation: 2, ..verdict }, 2, &second, "3");
    let times: Vec<_> = third.conditions.iter().map(|one| one.last_transition_time.as_str()).collect();
    assert_eq!((third.observed_generation, times), (2, vec!["3", "1", "1", "1"]));
    let long = Verdict { broken: vec!["é".repeat(LONGEST)], ..Verdict::default() };
    assert!(at(&long, 0, &first, "4").conditions[2].message.len() <= LONGEST);
}

#[test]
fn the_answers_of_registries_about_the_logins_are_a_condition() {
    let text = "why".to_owned();
    for (accepted, expected) in [
        (Accepted::Yes, "LoginAccepted=True Accepted"),
        (Accepted::EndsSoon(text.clone()), "LoginAccepted=True ExpiresSoon"),
        (Accepted::Unknown(text.clone()), "LoginAccepted=Unknown Unknown"),
        (Accepted::Refused(text.clone()), "LoginAccepted=False Refused"),
    ] {
        let status = |verdict: &Verdict| {
            Status::new(verdict, Counts::default(), None, &[], accepted.clone(), &Status::default(), "now")
        };
        assert_eq!(summary(&status(&Verdict::default()))[3], expected);
        let refusal = Refusal { reason: Reason::Registry, message: "no".to_owned() };
        let refused = status(&Verdict { refusals: vec![refusal], ..Verdict::default() });
        assert_eq!(summary(&refused)[3], "LoginAccepted=Unknown Unknown");
    }
}
