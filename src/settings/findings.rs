//! Reports a problem of several clusters once, with the names of the clusters.

use std::collections::HashMap;

use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::{ResourceName, listed};

/// The number of clusters that a message names.
const NAMED: usize = 3;
/// Problems with the files of one cluster, whose messages may count them.
const OF_FILES: [Code; 3] = [Code::AnotherFingerprintKey, Code::AnotherFormat, Code::AnotherRecipient];

/// Problems in the order in which they were found, each with its clusters.
#[derive(Default)]
pub struct Findings {
    order: Vec<Diagnostic>,
    clusters: HashMap<Diagnostic, Vec<ResourceName>>,
    members: usize,
}

impl Findings {
    /// Adds the problems of a cluster, or of a run without clusters.
    pub fn add(&mut self, problems: Vec<Diagnostic>, cluster: Option<&ResourceName>) {
        self.members += usize::from(cluster.is_some());
        for problem in problems {
            let known = self.clusters.entry(problem.clone()).or_insert_with(|| {
                self.order.push(problem);
                Vec::new()
            });
            known.extend(cluster.filter(|cluster| known.last() != Some(cluster)).cloned());
        }
    }

    /// All problems, each once; in a fleet, with the names of its clusters.
    pub fn said(self) -> Vec<Diagnostic> {
        let Self { order, mut clusters, members } = self;
        let said = |problem: Diagnostic| {
            let named = clusters.remove(&problem).unwrap_or_default();
            let each = if named.len() > 1 && OF_FILES.contains(&problem.code) { "in each of " } else { "" };
            let clusters = match named.as_slice() {
                [] => return problem,
                all if all.len() == members && members > NAMED => {
                    format!("{} {members} clusters", if each.is_empty() { "all" } else { "the" })
                }
                named => format!("cluster{} {}", if named.len() == 1 { "" } else { "s" }, listed(named)),
            };
            Diagnostic { message: format!("{} ({each}{clusters})", problem.message), ..problem }
        };
        order.into_iter().map(said).collect()
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::diagnostic::Code;

    use super::*;

    fn said(members: &[(&str, &[&str])]) -> Vec<String> {
        let mut findings = Findings::default();
        for (cluster, problems) in members {
            let problems = problems.iter().map(|text| Diagnostic::error(Code::Usage, text)).collect();
            findings.add(problems, cluster.parse().ok().as_ref());
        }
        findings.said().into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn a_problem_is_said_once_and_names_its_clusters() {
        assert_eq!(said(&[("", &["p", "p", "q"])]), ["p", "q"]);
        assert_eq!(said(&[("a", &["p"]), ("b", &["p", "q"]), ("c", &[])]), ["p (clusters a, b)", "q (cluster b)"]);
        let many: Vec<_> = ["a", "b", "c", "d", "e"].map(|name| (name, &["p"] as &[&str])).to_vec();
        assert_eq!(said(&many), ["p (all 5 clusters)"]);
        let all_but_one = [many, vec![("f", &[] as &[&str])]].concat();
        assert_eq!(said(&all_but_one), ["p (clusters a, b, c and 2 more)"]);
    }

    #[test]
    fn files_are_counted_for_each_cluster() {
        let mut findings = Findings::default();
        let problem = |count| vec![Diagnostic::warning(Code::AnotherFingerprintKey, format!("{count} files"))];
        for (cluster, count) in [("a", 2), ("b", 2), ("c", 1)] {
            findings.add(problem(count), cluster.parse().ok().as_ref());
        }
        let said: Vec<_> = findings.said().into_iter().map(|problem| problem.message).collect();
        assert_eq!(said, ["2 files (in each of clusters a, b)", "1 files (cluster c)"]);
    }
}
