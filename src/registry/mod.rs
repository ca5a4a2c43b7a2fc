//! Asks registries whether logins are good, and whether they may pull images.
//!
//! Every registry is contacted before the first login is sent, so that no challenge can contain a login.

mod ask;
mod client;
mod fault;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use futures::{StreamExt, stream};

use crate::environment::Environment;
use ask::Registry;
use client::Client;
use regcred_cluster::threads;
use regcred_core::confine::Allowed;
use regcred_core::credentials::Credential;
use regcred_core::registry::question::{Question, questions};
use regcred_core::registry::reference::Reference;
use regcred_core::registry::verdict::Verdict;

/// How many registries are asked at the same time.
const AT_ONCE: usize = 8;

/// How registries are asked.
pub struct Options<'a> {
    /// The registries that regcred may ask.
    pub allowed: &'a Allowed,
    /// Unknown token servers that may still get a login: hosts, with the port if there is one.
    pub realms: &'a [String],
    /// Registries that speak plain HTTP.
    pub insecure: &'a [String],
    /// The deadline of one request.
    pub timeout: Duration,
    /// Names the proxy.
    pub environment: &'a Environment,
}

/// Asks each registry with each login, and for each image; blocks until all have answered.
/// Errors: no runtime can be started, or the proxy cannot be used.
pub fn check(logins: &[&Credential], images: &[Reference], options: &Options<'_>) -> io::Result<Vec<Verdict>> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().thread_keep_alive(threads::KEPT).build()?;
    runtime.block_on(ask(logins, images, options))
}

/// The same within a runtime.
/// Errors: the proxy cannot be used, or the system starts no thread.
pub async fn ask(logins: &[&Credential], images: &[Reference], options: &Options<'_>) -> io::Result<Vec<Verdict>> {
    let questions = questions(logins, images);
    let client = Client::new(options)?;
    threads::keep_one().await?;
    let mut hosts: BTreeMap<&str, Option<&Reference>> = BTreeMap::new();
    for Question { host, images, .. } in &questions {
        if let Some(host) = host {
            let image = hosts.entry(host).or_default();
            *image = image.or(images.first().copied());
        }
    }
    let meet = hosts.into_iter().map(|(host, image)| {
        let client = &client;
        async move { (host, Registry::meet(host, image, client, options).await) }
    });
    let registries: BTreeMap<_, _> = stream::iter(meet).buffered(AT_ONCE).collect().await;
    let verdicts = questions.iter().map(|question| {
        let (client, registry) = (&client, question.host.as_deref().and_then(|host| registries.get(host)));
        async move { ask::ask(registry, question, client).await.concluded() }
    });
    Ok(stream::iter(verdicts).buffered(AT_ONCE).collect().await)
}
