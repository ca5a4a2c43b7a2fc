//! Sends one request with a deadline, and reads an answer of limited length. It follows no redirect.

use std::io;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioExecutor;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::default_provider;

use super::{Options, fault};
use crate::environment::Environment;
use regcred_core::registry::url::{Scheme, Url};
use regcred_core::registry::verdict::Fault;

/// The largest token, and the largest list of headers.
const LIMIT: usize = 64 * 1024;

/// The media types of a manifest that a container runtime accepts.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, \
                         application/json, */*";

type Body = Empty<&'static [u8]>;

/// An HTTP client, with or without a proxy.
pub(super) struct Client {
    direct: legacy::Client<HttpsConnector<HttpConnector>, Body>,
    by_proxy: Option<legacy::Client<HttpsConnector<Tunnel<HttpConnector>>, Body>>,
    proxies: Matcher,
    timeout: Duration,
}

pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// The values of a header.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
    }
}

impl Client {
    /// # Errors
    /// The proxy is not an HTTP proxy.
    pub fn new(options: &Options<'_>) -> io::Result<Self> {
        let proxies = proxies(options.environment);
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        // The proxy is the same for all hosts except the hosts in `NO_PROXY`.
        let proxy = proxies.intercept(&Uri::from_static("https://registry.invalid"));
        let by_proxy = proxy.map(|proxy| {
            if proxy.uri().scheme_str() != Some("http") {
                return Err(io::ErrorKind::Unsupported.into());
            }
            let tunnel = Tunnel::new(proxy.uri().clone(), http.clone());
            let tunnel = proxy.basic_auth().into_iter().fold(tunnel, |tunnel, login| tunnel.with_auth(login.clone()));
            build(tunnel, options.timeout)
        });
        Ok(Self {
            direct: build(http, options.timeout)?,
            by_proxy: by_proxy.transpose()?,
            proxies,
            timeout: options.timeout,
        })
    }

    /// Sends a request without a body.
    pub async fn send(&self, method: Method, url: &Url, authorization: Option<&HeaderValue>) -> Result<Answer, Fault> {
        let uri: Uri = url.to_string().parse().map_err(|_| Fault::Broken)?;
        let mut request = Request::new(Body::new());
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("regcred/", env!("CARGO_PKG_VERSION"))));
        headers.insert(ACCEPT, HeaderValue::from_static(MANIFESTS));
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        // Requests to this machine, and by plain HTTP, never use a proxy.
        let is_direct = url.is_loopback() || url.scheme() == Scheme::Http || self.proxies.intercept(&uri).is_none();
        let by_proxy = self.by_proxy.as_ref().filter(|_| !is_direct);
        let answer = async {
            let answer = match by_proxy {
                Some(client) => client.request(request).await,
                None => self.direct.request(request).await,
            };
            let answer = answer.map_err(|error| fault::of(&error, by_proxy.is_some()))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LIMIT)
                .collect()
                .await
                .map_err(|error| if error.is::<LengthLimitError>() { Fault::TooLong } else { Fault::Broken })?;
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes().into() })
        };
        tokio::time::timeout(self.timeout, answer).await.unwrap_or(Err(Fault::Timeout))
    }
}

fn build<C>(connector: C, timeout: Duration) -> io::Result<legacy::Client<HttpsConnector<C>, Body>>
where
    HttpsConnector<C>: legacy::connect::Connect + Clone,
{
    let tls = rustls::ClientConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots())
        .with_no_client_auth();
    let https =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(connector);
    let mut client = legacy::Client::builder(TokioExecutor::new());
    client.pool_idle_timeout(timeout).http1_max_buf_size(LIMIT);
    Ok(client.build(https))
}

/// The authorities that this machine trusts, or the authorities in `SSL_CERT_FILE` and `SSL_CERT_DIR`.
fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // Without any authority, every certificate has an unknown authority, and the verdict says so.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// The proxy for TLS, from the variables that curl reads.
fn proxies(environment: &Environment) -> Matcher {
    let first = |names: &[&str]| names.iter().find_map(|name| environment.setting(name)).unwrap_or_default().to_owned();
    Matcher::builder()
        .https(first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]))
        .no(first(&["NO_PROXY", "no_proxy"]))
        .build()
}
