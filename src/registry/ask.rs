//! Asks one registry with one login, in the way that the registry requires.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::Options;
use super::client::{Answer, Client};
use regcred_core::credentials::{Credential, lifetime};
use regcred_core::docker_config::registry::{DOCKER_HUB, RegistryKey};
use regcred_core::registry::challenge::Challenge;
use regcred_core::registry::limits::Limits;
use regcred_core::registry::question::Question;
use regcred_core::registry::realm;
use regcred_core::registry::reference::Reference;
use regcred_core::registry::token::{Access, Subject, Token};
use regcred_core::registry::url::Url;
use regcred_core::registry::verdict::{
    Answers, Family, Fault, ImageAnswers, Login, Pull, Standing, Status, Verdict, Withheld,
};

/// A registry that was contacted: how it must be asked, or why it gets no login.
pub(super) struct Registry {
    url: Url,
    way: Way,
}

/// How a registry must be asked.
enum Way {
    /// Without a login.
    Open,
    /// With user name and password.
    Basic,
    /// With a token of this server.
    Bearer { realm: Url, service: Option<String> },
}

impl Registry {
    /// Asks the registry, without a login, how it must be asked: for all images, or for this one.
    pub async fn meet(
        host: &str,
        image: Option<&Reference>,
        client: &Client,
        options: &Options<'_>,
    ) -> Result<Self, Login> {
        let key = if host == "docker.io" { DOCKER_HUB } else { host };
        if !key.parse::<RegistryKey>().is_ok_and(|key| options.allowed.allows(&key)) {
            return Err(Login::Withheld(Withheld::NotAllowed));
        }
        let url = Url::of_registry(host, options.insecure).map_err(|_| Login::Unreachable(Fault::Name))?;
        let send = |method, path: &str| {
            let url = url.at(path);
            async move { client.send(method, &url, None).await.map_err(Login::Unreachable) }
        };
        let mut answer = send(Method::GET, "/v2/").await?;
        if let (Status::Ok, Some(image)) = (Status::from(answer.status), image) {
            let about_image = send(Method::HEAD, &image.manifest()).await?;
            if Status::from(about_image.status) == Status::Refused {
                answer = about_image;
            }
        }
        let way = match (Status::from(answer.status), challenge(&answer)) {
            (Status::Ok, _) => Way::Open,
            (Status::Refused, Challenge::Basic) => Way::Basic,
            (Status::Refused, Challenge::Bearer { realm, service }) => {
                let refused = |refused| Login::Withheld(Withheld::Realm(refused));
                realm::check(&url, &realm, options.realms).map_err(refused)?;
                Way::Bearer { realm, service }
            }
            (Status::Refused, _) => return Err(Login::Withheld(Withheld::Challenge)),
            (Status::Forbidden, _) => return Err(Login::Closed),
            (Status::Limited, _) => return Err(Login::Limited),
            (Status::Redirect, _) => return Err(Login::Redirected),
            _ => return Err(Login::Odd(answer.status)),
        };
        Ok(Self { url, way })
    }
}

fn challenge(answer: &Answer) -> Challenge {
    Challenge::read(answer.all("www-authenticate"))
}

/// Asks for the login and each image of the question.
pub(super) async fn ask(
    registry: Option<&Result<Registry, Login>>,
    question: &Question<'_>,
    client: &Client,
) -> Verdict {
    let Question { login, host, images } = question;
    let mut verdict = Verdict {
        registry: login.map_or_else(|| host.clone().unwrap_or_default(), |login| login.registry.to_string()),
        source: login.map(|login| login.source.clone()),
        username: login.and_then(Credential::username_if_public),
        login: None,
        images: Vec::new(),
        expires: login.and_then(lifetime::ends),
        limits: None,
    };
    let registry = match registry {
        Some(Ok(registry)) => registry,
        not_met => {
            let why = not_met.and_then(|met| met.as_ref().err().cloned());
            verdict.login = Some(why.unwrap_or(Login::Withheld(Withheld::Glob)));
            verdict.images = images.iter().map(|image| (image.to_string(), Pull::NotAsked)).collect();
            return verdict;
        }
    };
    let conversation = Conversation { registry, client, login: *login };
    verdict.login = conversation.about_the_login().await.map(|answers| Login::judge(&answers));
    let standing = verdict.login.as_ref().map_or(Standing::Unknown, Login::standing);
    for image in images {
        let (answers, limits) = conversation.about(image, standing).await;
        verdict.images.push((image.to_string(), Pull::judge(&answers)));
        verdict.limits = limits.or(verdict.limits);
    }
    verdict
}

/// The requests to one registry with one login.
struct Conversation<'a> {
    registry: &'a Registry,
    client: &'a Client,
    login: Option<&'a Credential>,
}

/// The answer of a token server; without a token server, the status and the header that are used instead.
struct Permit {
    status: Status,
    token: Option<Token>,
    header: Option<HeaderValue>,
}

impl Conversation<'_> {
    async fn about_the_login(&self) -> Option<Answers> {
        let login = self.login?;
        let family = Family::of(self.registry.url.host());
        let mut answers =
            Answers { login: Status::NotAsked, subject: Subject::Unknown, stranger: Status::NotAsked, family };
        match self.registry.way {
            Way::Open => {}
            Way::Basic => {
                answers.login = self.status(Method::GET, "/v2/", basic(login).as_ref()).await.0;
                // The first answer was a 401.
                answers.stranger = Status::Refused;
            }
            Way::Bearer { .. } => {
                let permit = self.permit(Some(login), None).await;
                answers.login = permit.status;
                answers.subject = permit.token.as_ref().map_or(Subject::Nobody, Token::subject);
                if matches!(permit.status, Status::Forbidden | Status::Invalid) {
                    answers.stranger = self.permit(None, None).await.status;
                }
            }
        }
        Some(answers)
    }

    async fn about(&self, image: &Reference, standing: Standing) -> (ImageAnswers, Option<Limits>) {
        let (repository, manifest) = (image.image().path(), image.manifest());
        let mut answers = ImageAnswers {
            login: standing,
            token: Status::NotAsked,
            access: Access::Unknown,
            head: Status::NotAsked,
            anonymous: Status::NotAsked,
        };
        let mut limits = None;
        let asks_with_login = self.login.is_some() && !matches!(self.registry.way, Way::Open);
        if asks_with_login {
            // A refused login is not tried again.
            let permit = if standing == Standing::Refused {
                Permit { status: Status::Refused, token: None, header: None }
            } else {
                self.permit(self.login, Some(repository)).await
            };
            answers.token = permit.status;
            answers.access = permit.token.as_ref().map_or(Access::Unknown, |token| token.access(repository));
            if permit.header.is_some() {
                let (status, answer) = self.status(Method::HEAD, &manifest, permit.header.as_ref()).await;
                answers.head = status;
                limits = answer.and_then(|answer| Limits::read(|name| answer.headers.get(name)?.to_str().ok()));
            }
        }
        let stranger = self.permit(None, Some(repository)).await;
        answers.anonymous = if matches!(stranger.status, Status::Ok | Status::NotAsked) {
            self.status(Method::HEAD, &manifest, stranger.header.as_ref()).await.0
        } else {
            stranger.status
        };
        (answers, limits)
    }

    /// Gets a token for a repository, or for no repository. Without a token server, the header has the login itself.
    async fn permit(&self, login: Option<&Credential>, repository: Option<&str>) -> Permit {
        let Way::Bearer { realm, service } = &self.registry.way else {
            return Permit { status: Status::NotAsked, token: None, header: login.and_then(basic) };
        };
        let scope = repository.map(|repository| format!("repository:{repository}:pull"));
        let service = service.as_deref().map(|service| ("service", service));
        let url = realm.with_query(service.into_iter().chain(scope.as_deref().map(|scope| ("scope", scope))));
        match self.client.send(Method::GET, &url, login.and_then(basic).as_ref()).await {
            Err(fault) => Permit { status: Status::Unreachable(fault), token: None, header: None },
            Ok(answer) => {
                let status = Status::from(answer.status);
                let token = Token::read(&answer.body).filter(|_| status == Status::Ok);
                let header = token.as_ref().and_then(|token| bearer(&token.value));
                Permit { status, token, header }
            }
        }
    }

    async fn status(&self, method: Method, path: &str, header: Option<&HeaderValue>) -> (Status, Option<Answer>) {
        match self.client.send(method, &self.registry.url.at(path), header).await {
            Ok(answer) => (Status::from(answer.status), Some(answer)),
            Err(fault) => (Status::Unreachable(fault), None),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the login goes to its registry")]
fn basic(login: &Credential) -> Option<HeaderValue> {
    let pair = Zeroizing::new(format!("{}:{}", login.username.expose_secret(), login.password.expose_secret()));
    header("Basic", &Zeroizing::new(STANDARD.encode(pair.as_bytes())))
}

#[expect(clippy::disallowed_methods, reason = "the token goes to its registry")]
fn bearer(token: &SecretString) -> Option<HeaderValue> {
    header("Bearer", token.expose_secret())
}

/// A header that no log shows.
fn header(scheme: &str, value: &str) -> Option<HeaderValue> {
    let text = Zeroizing::new(format!("{scheme} {value}"));
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}
