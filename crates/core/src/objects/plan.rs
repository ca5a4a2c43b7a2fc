//! Groups namespaces by the pull secrets that they get.

use std::collections::BTreeMap;

use super::Wanted;
use crate::names::{Namespace, ResourceName};

/// The distinct sets of pull secrets, and for each namespace, sorted, the number of its set.
pub fn plan<'a>(pull_secrets: impl Iterator<Item = &'a [Namespace]>) -> (Vec<Vec<usize>>, Vec<(Namespace, usize)>) {
    let mut members: Vec<(&Namespace, usize)> = pull_secrets
        .enumerate()
        .flat_map(|(number, namespaces)| namespaces.iter().map(move |namespace| (namespace, number)))
        .collect();
    members.sort_unstable();
    let mut plans: Vec<Vec<usize>> = Vec::new();
    let mut namespaces: Vec<(Namespace, usize)> = Vec::with_capacity(members.len());
    for group in members.chunk_by(|one, other| one.0 == other.0) {
        let matches = |plan: &Vec<usize>| plan.iter().eq(group.iter().map(|(_, number)| number));
        let plan = plans.iter().position(matches).unwrap_or_else(|| {
            plans.push(group.iter().map(|(_, number)| *number).collect());
            plans.len() - 1
        });
        namespaces.push((group[0].0.clone(), plan));
    }
    (plans, namespaces)
}

/// The references of each ServiceAccount: several pull secrets may share one, and its list is written as a whole.
pub fn references<'a>(pull_secrets: impl Iterator<Item = &'a Wanted<'a>>) -> BTreeMap<ResourceName, Vec<ResourceName>> {
    let mut accounts: BTreeMap<ResourceName, Vec<ResourceName>> = BTreeMap::new();
    for secret in pull_secrets {
        for account in secret.service_accounts {
            let list = accounts.entry(account.clone()).or_default();
            list.push(secret.name.clone());
            list.extend(secret.also_reference.iter().cloned());
        }
    }
    for list in accounts.values_mut() {
        list.sort_unstable();
        list.dedup();
    }
    accounts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker_config::Logins;

    fn names<N: std::str::FromStr<Err: std::fmt::Debug>>(names: &[&str]) -> Vec<N> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn namespaces_with_the_same_pull_secrets_share_a_plan() {
        let (one, other) = (names(&["a", "b", "c"]), names(&["b", "d"]));
        let (plans, namespaces) = plan([&*one, &*other].into_iter());
        assert_eq!(plans, [vec![0], vec![0, 1], vec![1]]);
        let namespaces: Vec<_> = namespaces.iter().map(|(name, plan)| format!("{name}{plan}")).collect();
        assert_eq!(namespaces, ["a0", "b1", "c0", "d2"]);
    }

    #[test]
    fn a_service_account_refers_to_all_pull_secrets_that_name_it() {
        let (docker_config, pull_secrets): (_, Vec<ResourceName>) = (Logins::Unavailable, names(&["y", "x"]));
        let accounts = [names(&["default"]), names(&["default", "ci"])];
        let wanted = |number: usize| Wanted {
            name: &pull_secrets[number],
            namespaces: &[],
            service_accounts: &accounts[number],
            also_reference: &[],
            external: None,
            docker_config: &docker_config,
        };
        let lists = references([&wanted(0), &wanted(1)].into_iter());
        let list = lists[&"default".parse().unwrap()].iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!((list, lists.len()), (vec!["x".to_owned(), "y".to_owned()], 2));
    }
}
