//! Suggests the registry that was meant by a web site, an API, a wrong domain or a typo.

/// Hosts without images, each with the host that has them.
const REAL_HOSTS: &[(&str, &str)] = &[
    ("access.redhat.com", "registry.redhat.io"),
    ("acr.io", "NAME.azurecr.io"),
    ("amazonaws.com", "ACCOUNT.dkr.ecr.REGION.amazonaws.com"),
    ("api.digitalocean.com", "registry.digitalocean.com"),
    ("api.github.com", "ghcr.io"),
    ("api.gitlab.com", "registry.gitlab.com"),
    ("api.ngc.nvidia.com", "nvcr.io"),
    ("app.docker.com", "docker.io"),
    ("artifactregistry.googleapis.com", "REGION-docker.pkg.dev"),
    ("auth.docker.io", "docker.io"),
    ("aws.amazon.com", "ACCOUNT.dkr.ecr.REGION.amazonaws.com"),
    ("azure.com", "NAME.azurecr.io"),
    ("azurecr.com", "NAME.azurecr.io"),
    ("azurecr.io", "NAME.azurecr.io"),
    ("build.nvidia.com", "nvcr.io"),
    ("catalog.ngc.nvidia.com", "nvcr.io"),
    ("catalog.redhat.com", "registry.redhat.io"),
    ("cloud.digitalocean.com", "registry.digitalocean.com"),
    ("cloud.docker.com", "docker.io"),
    ("cloud.google.com", "REGION-docker.pkg.dev"),
    ("cloud.ibm.com", "icr.io"),
    ("console.aws.amazon.com", "ACCOUNT.dkr.ecr.REGION.amazonaws.com"),
    ("console.cloud.google.com", "REGION-docker.pkg.dev"),
    ("console.redhat.com", "registry.redhat.io"),
    ("console.scaleway.com", "rg.REGION.scw.cloud"),
    ("containers.pkg.github.com", "ghcr.io"),
    ("digitalocean.com", "registry.digitalocean.com"),
    ("docker.com", "docker.io"),
    ("docker.hub.com", "docker.io"),
    ("docker.pkg.dev", "REGION-docker.pkg.dev"),
    ("docker.pkg.github.com", "ghcr.io"),
    ("dockerhub.com", "docker.io"),
    ("ecr.aws", "public.ecr.aws"),
    ("gallery.ecr.aws", "public.ecr.aws"),
    ("gcr.com", "gcr.io"),
    ("ghcr.com", "ghcr.io"),
    ("ghcr.io.com", "ghcr.io"),
    ("github.com", "ghcr.io"),
    ("gitlab.com", "registry.gitlab.com"),
    ("gitlab.io", "registry.gitlab.com"),
    ("google.com", "REGION-docker.pkg.dev"),
    ("googleapis.com", "REGION-docker.pkg.dev"),
    ("hub.docker.io", "docker.io"),
    ("index.docker.com", "docker.io"),
    ("jfrog.com", "NAME.jfrog.io"),
    ("jfrog.io", "NAME.jfrog.io"),
    ("login.docker.com", "docker.io"),
    ("maven.pkg.github.com", "ghcr.io"),
    ("microsoft.com", "mcr.microsoft.com"),
    ("ngc.nvidia.com", "nvcr.io"),
    ("npm.pkg.github.com", "ghcr.io"),
    ("nuget.pkg.github.com", "ghcr.io"),
    ("nvcr.com", "nvcr.io"),
    ("nvidia.com", "nvcr.io"),
    ("ocir.io", "REGION.ocir.io"),
    ("pkg.dev", "REGION-docker.pkg.dev"),
    ("pkg.github.com", "ghcr.io"),
    ("portal.azure.com", "NAME.azurecr.io"),
    ("quay.com", "quay.io"),
    ("quay.io.com", "quay.io"),
    ("quay.redhat.com", "quay.io"),
    ("redhat.com", "registry.redhat.io"),
    ("registry.docker-cn.com", "docker.io"),
    ("registry.docker.com", "docker.io"),
    ("registry.docker.io", "docker.io"),
    ("registry.ghcr.io", "ghcr.io"),
    ("registry.github.com", "ghcr.io"),
    ("registry.gitlab.io", "registry.gitlab.com"),
    ("registry.redhat.com", "registry.redhat.io"),
    ("scaleway.com", "rg.REGION.scw.cloud"),
    ("scw.cloud", "rg.REGION.scw.cloud"),
    ("sso.redhat.com", "registry.redhat.io"),
    ("www.docker.com", "docker.io"),
    ("www.github.com", "ghcr.io"),
    ("www.gitlab.com", "registry.gitlab.com"),
    ("www.quay.io", "quay.io"),
];

/// The host with the images of a service, if this host is its web site, its API or a wrong domain.
pub fn real_host(host: &str) -> Option<&'static str> {
    let is_api_of_ecr = host.contains("ecr.") && host.ends_with(".amazonaws.com") && !host.contains(".dkr.ecr");
    let has_no_region = host.ends_with(".dkr.ecr.amazonaws.com");
    let is_wrong_azure_domain = host.ends_with(".azure.io") || host.ends_with(".azurecr.com");
    let known = REAL_HOSTS.iter().find(|(wrong, _)| *wrong == host).map(|(_, real)| *real);
    known
        .or((is_api_of_ecr || has_no_region).then_some("ACCOUNT.dkr.ecr.REGION.amazonaws.com"))
        .or(is_wrong_azure_domain.then_some("NAME.azurecr.io"))
        .or(host.ends_with(".jfrog.com").then_some("NAME.jfrog.io"))
}

/// Public registries whose names people often misspell.
const WELL_KNOWN: [&str; 16] = [
    "docker.io",
    "gcr.io",
    "ghcr.io",
    "icr.io",
    "index.docker.io",
    "lscr.io",
    "mcr.microsoft.com",
    "nvcr.io",
    "public.ecr.aws",
    "quay.io",
    "registry.access.redhat.com",
    "registry.digitalocean.com",
    "registry.gitlab.com",
    "registry.k8s.io",
    "registry.redhat.io",
    "vcr.io",
];

/// The well-known registry that differs from this host by one typo; if several do, the first of them.
pub fn one_slip_away(host: &str) -> Option<&'static str> {
    let is_near = |known: &str| known.len().abs_diff(host.len()) <= 1 && strsim::osa_distance(host, known) == 1;
    WELL_KNOWN.into_iter().filter(|_| !WELL_KNOWN.contains(&host)).find(|known| is_near(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_site_or_a_typo_leads_to_the_registry() {
        assert!(REAL_HOSTS.is_sorted());
        for (host, real) in [
            ("gitlab.com", Some("registry.gitlab.com")),
            ("api.ecr.eu-west-1.amazonaws.com", Some("ACCOUNT.dkr.ecr.REGION.amazonaws.com")),
            ("1.ecr.eu-west-1.amazonaws.com", Some("ACCOUNT.dkr.ecr.REGION.amazonaws.com")),
            ("1.dkr.ecr.eu-west-1.amazonaws.com", None),
            ("dkr.ecr.amazonaws.com", Some("ACCOUNT.dkr.ecr.REGION.amazonaws.com")),
            ("1.dkr.ecr.amazonaws.com", Some("ACCOUNT.dkr.ecr.REGION.amazonaws.com")),
            ("acme.azure.io", Some("NAME.azurecr.io")),
            ("npm.pkg.github.com", Some("ghcr.io")),
            ("registry.gitlab.com", None),
            ("acme.azurecr.io", None),
            ("acme.jfrog.io", None),
        ] {
            assert_eq!(real_host(host), real, "{host}");
        }
        for (host, known) in [
            ("ghrc.io", Some("ghcr.io")),
            ("gchr.io", Some("gcr.io")),
            ("qay.io", Some("quay.io")),
            ("regsitry.gitlab.com", Some("registry.gitlab.com")),
            ("gcr.io", None),
            ("eu.gcr.io", None),
            ("harbor.example.com", None),
        ] {
            assert_eq!(one_slip_away(host), known, "{host}");
        }
    }
}
