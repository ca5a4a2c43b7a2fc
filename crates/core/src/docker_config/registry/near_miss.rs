//! Names the registry of a service whose web site or API stands where a registry belongs.

/// Hosts that hold no images, each with the host that does.
const REAL_HOSTS: &[(&str, &str)] = &[
    ("access.redhat.com", "registry.redhat.io"),
    ("amazonaws.com", "ACCOUNT.dkr.ecr.REGION.amazonaws.com"),
    ("api.github.com", "ghcr.io"),
    ("azurecr.io", "NAME.azurecr.io"),
    ("catalog.ngc.nvidia.com", "nvcr.io"),
    ("cloud.digitalocean.com", "registry.digitalocean.com"),
    ("cloud.google.com", "REGION-docker.pkg.dev"),
    ("cloud.ibm.com", "icr.io"),
    ("console.cloud.google.com", "REGION-docker.pkg.dev"),
    ("digitalocean.com", "registry.digitalocean.com"),
    ("docker.com", "docker.io"),
    ("docker.pkg.github.com", "ghcr.io"),
    ("gcr.com", "gcr.io"),
    ("ghcr.com", "ghcr.io"),
    ("github.com", "ghcr.io"),
    ("gitlab.com", "registry.gitlab.com"),
    ("hub.docker.io", "docker.io"),
    ("index.docker.com", "docker.io"),
    ("jfrog.io", "NAME.jfrog.io"),
    ("ngc.nvidia.com", "nvcr.io"),
    ("nvidia.com", "nvcr.io"),
    ("pkg.dev", "REGION-docker.pkg.dev"),
    ("pkg.github.com", "ghcr.io"),
    ("portal.azure.com", "NAME.azurecr.io"),
    ("quay.com", "quay.io"),
    ("redhat.com", "registry.redhat.io"),
    ("registry.docker.com", "docker.io"),
    ("registry.docker.io", "docker.io"),
    ("registry.ghcr.io", "ghcr.io"),
    ("registry.github.com", "ghcr.io"),
    ("www.docker.com", "docker.io"),
    ("www.github.com", "ghcr.io"),
    ("www.gitlab.com", "registry.gitlab.com"),
    ("www.quay.io", "quay.io"),
];

/// The host that holds the images of the service whose web site or API this host is.
#[must_use]
pub fn real_host(host: &str) -> Option<&'static str> {
    let is_api_of_ecr = host.contains("ecr.") && host.ends_with(".amazonaws.com") && !host.contains(".dkr.ecr");
    let known = REAL_HOSTS.iter().find(|(wrong, _)| *wrong == host).map(|(_, real)| *real);
    known.or(is_api_of_ecr.then_some("ACCOUNT.dkr.ecr.REGION.amazonaws.com"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_site_leads_to_its_registry() {
        assert!(REAL_HOSTS.is_sorted());
        for (host, real) in [
            ("gitlab.com", Some("registry.gitlab.com")),
            ("api.ecr.eu-west-1.amazonaws.com", Some("ACCOUNT.dkr.ecr.REGION.amazonaws.com")),
            ("1.ecr.eu-west-1.amazonaws.com", Some("ACCOUNT.dkr.ecr.REGION.amazonaws.com")),
            ("1.dkr.ecr.eu-west-1.amazonaws.com", None),
            ("registry.gitlab.com", None),
        ] {
            assert_eq!(real_host(host), real, "{host}");
        }
    }
}
