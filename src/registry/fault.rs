//! Finds out why a registry did not answer.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;
use rustls::CertificateError;

use regcred_core::registry::verdict::Fault;

/// The reason of a client's error. The error's text may quote what was received, so it is not repeated.
pub(super) fn of(error: &legacy::Error, by_proxy: bool) -> Fault {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut has_no_address = false;
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref() {
            return tls(error);
        }
        // The resolver's error has no special type.
        has_no_address |= error.to_string() == "dns error";
        // The source of an io::Error is that of the error inside it.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    match (error.is_connect(), by_proxy) {
        (true, true) => Fault::Proxy,
        (true, false) if has_no_address => Fault::Name,
        (true, false) => Fault::Connect,
        (false, _) => Fault::Broken,
    }
}

fn tls(error: &rustls::Error) -> Fault {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
    };
    match error {
        rustls::Error::InvalidCertificate(
            Expired
            | ExpiredContext { .. }
            | NotValidYet
            | NotValidYetContext { .. }
            | NotValidForName
            | NotValidForNameContext { .. },
        ) => Fault::Certificate,
        rustls::Error::InvalidCertificate(_) => Fault::UnknownAuthority,
        rustls::Error::InvalidMessage(_) => Fault::NotTls,
        _ => Fault::Broken,
    }
}
