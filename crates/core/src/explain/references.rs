//! Compares the references of a Pod with the references of its ServiceAccount, and finds which are missing.

use super::facts::Facts;
use super::rules::needs_login;

/// Whether the Pod has a reference; without a Pod, whether the ServiceAccount has one.
pub(super) fn refers(facts: &Facts) -> bool {
    !references(facts).is_empty()
}

fn references(facts: &Facts) -> &[String] {
    facts.pod.as_ref().map_or(&facts.account.references, |pod| &pod.references)
}

/// Whether the ServiceAccount has a reference.
pub(super) fn account_refers(facts: &Facts) -> bool {
    !facts.account.references.is_empty()
}

/// Whether our Secret exists, but somebody else wrote a list without it. The API server records no writers of a ServiceAccount that the
/// cluster has created. So it also counts if the list has other references, and our Secret has the login.
pub(super) fn reference_dropped(facts: &Facts) -> Option<String> {
    let refers = |name: &String| references(facts).contains(name) || facts.account.references.contains(name);
    let unreferenced: Vec<_> = facts.place.ours.iter().filter(|name| !refers(name)).collect();
    let is_replaced =
        account_refers(facts) && facts.pod.as_ref().is_none_or(|pod| pod.references == facts.account.references);
    let has_login = |name: &str| facts.matching(&facts.others).iter().any(|one| one.secret == name);
    let writers = facts.account.other_writers.join(", ");
    let is_dropped = |name: &&&String| !writers.is_empty() || is_replaced && has_login(name);
    let name = unreferenced.iter().find(is_dropped).filter(|_| needs_login(facts))?;
    let by = if writers.is_empty() { String::new() } else { format!("; {writers} writes the list") };
    Some(format!("`{name}`{by}"))
}

/// The first reference that the ServiceAccount got after the Pod was created, if the Pod has no references but those of its ServiceAccount.
pub(super) fn linked_later(facts: &Facts) -> Option<String> {
    let pod = facts.pod.as_ref()?;
    let is_of_account = pod.references.iter().all(|name| facts.account.references.contains(name));
    let is_new = |name: &&String| !pod.references.contains(name) && !has_another_login(name, facts);
    let new: Vec<_> = facts.account.references.iter().filter(is_new).collect();
    let has_login = |secret: &str| new.iter().any(|name| *name == secret);
    let helps = pod.references.is_empty() || facts.matching(&facts.others).iter().any(|one| has_login(one.secret));
    (needs_login(facts) && is_of_account && !new.is_empty() && helps).then(|| format!("`{}`", new[0]))
}

/// Whether the ServiceAccount refers to a Secret that was read, and that has logins, but none for the image.
pub(super) fn has_another_login(name: &str, facts: &Facts) -> bool {
    let secret = facts.others.iter().find(|secret| secret.name == name);
    secret.is_some_and(|secret| secret.logins().next().is_some())
        && !facts.matching(&facts.others).iter().any(|one| one.secret == name)
}

pub(super) fn own_references(facts: &Facts) -> Option<String> {
    let pod = facts.pod.as_ref()?;
    let is_own = pod.references.iter().any(|name| !facts.account.references.contains(name));
    let (secret, _) = better(facts).filter(|_| needs_login(facts) && is_own)?;
    Some(format!("`{secret}` has a login for it"))
}

/// A Secret that has a login for the image but that the Pod does not refer to, and whether its ServiceAccount refers to that Secret.
pub(super) fn better(facts: &Facts) -> Option<(&str, bool)> {
    let all = facts.matching(&facts.others);
    let is_of_account = |secret: &str| facts.account.references.iter().any(|name| name == secret);
    let of_account = all.iter().find(|one| is_of_account(one.secret));
    of_account.or(all.first()).map(|one| (one.secret, of_account.is_some()))
}
