//! Decides which registry is asked for which login and which images.

use super::reference::Reference;
use crate::credentials::Credential;
use crate::docker_config::kubelet;

/// The question for one registry.
pub struct Question<'a> {
    /// The login; `None` for images that no login matches.
    pub login: Option<&'a Credential>,
    /// The host of the registry; `None` for a glob that no image completes to one host.
    pub host: Option<String>,
    /// The images that a kubelet would pull with the login.
    pub images: Vec<&'a Reference>,
}

/// Each login with the images that it matches, then the images without a login. Equal questions are asked once.
pub fn questions<'a>(logins: &[&'a Credential], images: &'a [Reference]) -> Vec<Question<'a>> {
    let is_new = |(number, login): &(usize, &'a Credential)| {
        let mut earlier = logins[..*number].iter();
        !earlier.any(|other| other.registry.index() == login.registry.index() && other.is_same_login(login))
    };
    let candidates: Vec<_> = logins.iter().copied().enumerate().filter(is_new).collect();
    let mut questions: Vec<Vec<Question<'a>>> = logins.iter().map(|_| Vec::new()).collect();
    for (number, login) in &candidates {
        if !login.registry.host().contains('*') {
            let host = login.registry.authority();
            let host = if host == "index.docker.io" { "docker.io" } else { host };
            questions[*number].push(Question { login: Some(login), host: Some(host.to_owned()), images: Vec::new() });
        }
    }
    let mut without: Vec<Question<'a>> = Vec::new();
    for image in images {
        let domain = image.image().domain();
        let matching = kubelet::matching(candidates.iter(), |(_, login)| &login.registry, image.image());
        for (number, login) in &matching {
            add(&mut questions[*number], Some(login), domain, image);
        }
        if matching.is_empty() {
            add(&mut without, None, domain, image);
        }
    }
    for (number, login) in &candidates {
        if questions[*number].is_empty() {
            questions[*number].push(Question { login: Some(login), host: None, images: Vec::new() });
        }
    }
    questions.into_iter().flatten().chain(without).collect()
}

fn add<'a>(questions: &mut Vec<Question<'a>>, login: Option<&'a Credential>, domain: &str, image: &'a Reference) {
    match questions.iter_mut().find(|question| question.host.as_deref() == Some(domain)) {
        Some(question) => question.images.push(image),
        None => questions.push(Question { login, host: Some(domain.to_owned()), images: vec![image] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_login_is_asked_once_with_the_images_that_it_matches() {
        let login = |key| Credential::sample(key, "u", "p");
        for (keys, images, expected) in [
            (&["ghcr.io"][..], &[][..], &["ghcr.io ghcr.io: "][..]),
            (&["ghcr.io", "https://ghcr.io"], &["ghcr.io/a"], &["ghcr.io ghcr.io: ghcr.io/a"]),
            (
                &["ghcr.io", "ghcr.io/acme"],
                &["ghcr.io/acme/a", "ghcr.io/b"],
                &["ghcr.io ghcr.io: ghcr.io/acme/a ghcr.io/b", "ghcr.io/acme ghcr.io: ghcr.io/acme/a"],
            ),
            (
                &["https://index.docker.io/v1/"],
                &["nginx", "quay.io/a:1", "quay.io/b"],
                &["https://index.docker.io/v1/ docker.io: nginx", "- quay.io: quay.io/a:1 quay.io/b"],
            ),
            (
                &["*.example.com"],
                &["a.example.com/x", "b.example.com/y"],
                &["*.example.com a.example.com: a.example.com/x", "*.example.com b.example.com: b.example.com/y"],
            ),
            (&["*.example.com"], &[], &["*.example.com -: "]),
        ] {
            let logins: Vec<_> = keys.iter().map(|key| login(key)).collect();
            let images: Vec<Reference> = images.iter().map(|image| image.parse().unwrap()).collect();
            let logins: Vec<_> = logins.iter().collect();
            let said: Vec<_> = questions(&logins, &images)
                .iter()
                .map(|Question { login, host, images }| {
                    let images: Vec<_> = images.iter().map(ToString::to_string).collect();
                    let key = login.map_or("-".to_owned(), |login| login.registry.to_string());
                    format!("{key} {}: {}", host.as_deref().unwrap_or("-"), images.join(" "))
                })
                .collect();
            assert_eq!(said, expected, "{keys:?}");
        }
        let (one, other) = (login("ghcr.io"), Credential::sample("ghcr.io", "u", "q"));
        assert_eq!(questions(&[&one, &other], &[]).len(), 2);
    }
}
