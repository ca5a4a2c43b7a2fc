//! Chooses the certificate to seal with, and warns about odd certificates.

use std::fmt;

use aws_lc_rs::rsa::{OaepPublicEncryptingKey, PublicEncryptingKey};
use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::pem::{PemObject, SectionKind};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::time::Time;

use regcred_core::diagnostic::{Code, Diagnostic};

/// An RSA key for encryption, in a certificate: <https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1>.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// A certificate that ends within this time gets a warning.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The tolerated error of a clock.
const SKEW: SignedDuration = SignedDuration::from_hours(24);
const FETCH: &str = "get the certificate of the cluster with `regcred fetch-cert --output FILE`, and commit it";

/// The key of the newest usable certificate.
pub struct Recipient {
    /// The key.
    pub key: OaepPublicEncryptingKey,
    /// The key as in its certificate: SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
    /// The first day of its certificate.
    pub first_day: String,
    /// The last day of its certificate.
    pub last_day: String,
    /// Warnings about its certificate.
    pub warnings: Vec<Diagnostic>,
}

/// Chooses the certificate to seal with; messages use `source` as the name of the text.
///
/// # Errors
/// The text has no certificate, it has a private key, or no certificate is usable: the error says why the newest one is unusable.
pub fn choose(pem: &[u8], source: &str, now: Timestamp) -> Result<Recipient, Diagnostic> {
    let mut certificates = read(pem, source)?;
    certificates.sort_by_key(|certificate| certificate.begins);
    let candidates: Vec<_> = certificates.iter().rev().filter(|one| !one.is_an_authority(&certificates)).collect();
    if candidates.iter().any(|one| one.subject != candidates[0].subject) {
        let message =
            format!("{source} holds certificates of different owners, and only one cluster can open a sealed value");
        return Err(Diagnostic::error(Code::CertificatesUnrelated, message).hint(FETCH));
    }
    let mut unusable = Vec::new();
    for certificate in candidates {
        match certificate.key(now) {
            Err(fault) => unusable.push((fault, certificate.begins)),
            Ok(key) => {
                let newer = unusable.iter().find(|(_, begins)| *begins > certificate.begins);
                let newer = newer.map(|(fault, _)| {
                    let (_, what, _) = fault.parts();
                    let message = format!("{source} has a newer certificate than the one that is used, and it {what}");
                    Diagnostic::warning(Code::CertificateOlder, message).hint(FETCH)
                });
                let oddities = [certificate.ends_soon(source, now), certificate.looks_foreign(source), newer];
                return Ok(Recipient {
                    key,
                    warnings: oddities.into_iter().flatten().collect(),
                    public_key: certificate.public_key.clone(),
                    first_day: day(certificate.begins).to_string(),
                    last_day: day(certificate.ends).to_string(),
                });
            }
        }
    }
    Err(unusable.into_iter().next().map_or_else(|| none(source), |(fault, _)| fault.problem(source)))
}

/// Whether the text holds anything except certificates and comments, for example a private key.
pub fn holds_more(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    let after_end = |part| str::split_once(part, "-----END CERTIFICATE-----").map_or(part, |(_, rest)| rest);
    let mut parts = text.split("-----BEGIN CERTIFICATE-----");
    let around = parts.next().into_iter().chain(parts.map(after_end));
    around.flat_map(str::lines).any(|line| !(line.trim().is_empty() || line.starts_with('#')))
}

/// The certificates of a text in DER, sorted: two texts with the same certificates are equal for us.
pub fn ders(pem: &[u8]) -> Vec<Vec<u8>> {
    let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).filter_map(Result::ok);
    let mut ders: Vec<_> = sections.filter(|(kind, _)| *kind == SectionKind::Certificate).map(|(_, der)| der).collect();
    ders.sort_unstable();
    ders
}

/// The fields of a certificate that matter here.
struct Certificate {
    begins: Timestamp,
    ends: Timestamp,
    algorithm: ObjectIdentifier,
    public_key: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
}

/// Why a certificate is unusable.
#[derive(Clone, Copy)]
enum Fault {
    Expired(Timestamp),
    NotYetValid(Timestamp),
    NotRsa,
    WeakKey,
}

fn read(pem: &[u8], source: &str) -> Result<Vec<Certificate>, Diagnostic> {
    let damaged = || {
        Diagnostic::error(Code::CertificateDamaged, format!("a certificate in {source} is cut off or damaged"))
            .hint(FETCH)
    };
    let mut certificates = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        match section.map_err(|_| damaged())? {
            (SectionKind::Certificate, der) => certificates.push(Certificate::read(&der).ok_or_else(damaged)?),
            (SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey, _) => {
                return Err(Diagnostic::error(Code::PrivateKey, format!("{source} has a private key in it"))
                    .hint("anyone with the private key opens every sealed value: keep only the certificate"));
            }
            _ => {}
        }
    }
    if certificates.is_empty() { Err(none(source)) } else { Ok(certificates) }
}

fn none(source: &str) -> Diagnostic {
    Diagnostic::error(Code::NoCertificate, format!("{source} has no certificate in it")).hint(FETCH)
}

impl Certificate {
    fn read(der: &[u8]) -> Option<Self> {
        // Only the used fields are checked: a serial number of the wrong length does not matter for sealing.
        let body = CertificateInner::<Raw>::from_der(der).ok()?.tbs_certificate;
        let moment = |time: Time| Timestamp::from_second(i64::try_from(time.to_unix_duration().as_secs()).ok()?).ok();
        Some(Self {
            begins: moment(body.validity.not_before)?,
            ends: moment(body.validity.not_after)?,
            algorithm: body.subject_public_key_info.algorithm.oid,
            public_key: body.subject_public_key_info.to_der().ok()?,
            issuer: body.issuer.to_der().ok()?,
            subject: body.subject.to_der().ok()?,
        })
    }

    /// Whether it only issued another one of them: then its key is not the controller's.
    fn is_an_authority(&self, all: &[Self]) -> bool {
        all.iter().any(|other| other.issuer == self.subject && other.issuer != other.subject)
    }

    fn key(&self, now: Timestamp) -> Result<OaepPublicEncryptingKey, Fault> {
        if self.algorithm != RSA {
            return Err(Fault::NotRsa);
        }
        if self.ends < now {
            return Err(Fault::Expired(self.ends));
        }
        if self.begins.duration_since(now) > SKEW {
            return Err(Fault::NotYetValid(self.begins));
        }
        // The library accepts 2048 bits and more.
        let key = PublicEncryptingKey::from_der(&self.public_key).map_err(|_| Fault::WeakKey)?;
        OaepPublicEncryptingKey::new(key).map_err(|_| Fault::WeakKey)
    }

    /// A controller signs its certificate itself, with an empty subject or one that mentions sealing.
    fn looks_foreign(&self, source: &str) -> Option<Diagnostic> {
        const EMPTY: [u8; 2] = [0x30, 0];
        let subject = self.subject.to_ascii_lowercase();
        let is_named = subject.windows(6).any(|part| part == b"sealed");
        let is_its_own = self.issuer == self.subject && (subject == EMPTY || is_named);
        (!is_its_own).then(|| {
            let message = format!("the certificate in {source} does not look like one of a Sealed Secrets controller");
            Diagnostic::warning(Code::CertificateForeign, message)
                .hint("ignore this if the controller was given this certificate; otherwise fetch the cluster's with `regcred fetch-cert`")
        })
    }

    fn ends_soon(&self, source: &str, now: Timestamp) -> Option<Diagnostic> {
        (self.ends.duration_since(now) < SOON).then(|| {
            Diagnostic::warning(
                Code::CertificateEndsSoon,
                format!("the certificate in {source} expires on {}: sealing fails after that", day(self.ends)),
            )
            .hint(FETCH)
        })
    }
}

impl Fault {
    fn problem(self, source: &str) -> Diagnostic {
        let (code, what, hint) = self.parts();
        Diagnostic::error(code, format!("the certificate in {source} {what}")).hint(hint)
    }

    /// The code, the text after "the certificate" in a message, and the hint.
    fn parts(self) -> (Code, String, &'static str) {
        const OF_THE_CONTROLLER: &str = "Sealed Secrets uses RSA: check that this is the certificate of the controller";
        const WEAK: &str = "has an RSA key below 2048 bits, or one that is not well-formed";
        match self {
            Self::Expired(when) => (Code::CertificateExpired, format!("expired on {}", day(when)), FETCH),
            Self::NotYetValid(when) => {
                let what = format!("is not valid before {}", day(when));
                (Code::CertificateNotYetValid, what, "check the clock of this machine")
            }
            Self::NotRsa => (Code::CertificateNotRsa, "has no RSA key".to_owned(), OF_THE_CONTROLLER),
            Self::WeakKey => {
                (Code::CertificateWeak, WEAK.to_owned(), "let the controller make a key of 2048 bits or more")
            }
        }
    }
}

fn day(moment: Timestamp) -> impl fmt::Display {
    moment.strftime("%Y-%m-%d")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    fn chosen(pem: &[u8], day: &str, offset: i64) -> Result<Vec<&'static str>, &'static str> {
        let now: Timestamp = format!("{day}T00:00:00Z").parse().unwrap();
        let now = Timestamp::from_second(now.as_second() + offset).unwrap();
        let codes = |recipient: Recipient| recipient.warnings.iter().map(|problem| problem.code.as_str()).collect();
        choose(pem, "`--sealing-cert`", now).map(codes).map_err(|problem| problem.code.as_str())
    }

    #[test]
    fn a_certificate_counts_from_its_first_day_to_its_last() {
        // From 2020-01-01 to 2120-01-01.
        let pem = include_bytes!("../../../tests/certificates/rsa-2048.pem");
        for (offset, expected) in [
            (0, Ok(vec!["certificate-ends-soon"])),
            (-30 * DAY, Ok(vec![])),
            (-30 * DAY + 1, Ok(vec!["certificate-ends-soon"])),
            (1, Err("certificate-expired")),
        ] {
            assert_eq!(chosen(pem, "2120-01-01", offset), expected, "{offset}");
        }
        // A clock may be one day late.
        assert_eq!(chosen(pem, "2020-01-01", -DAY), Ok(vec![]));
        assert_eq!(chosen(pem, "2020-01-01", -DAY - 1), Err("certificate-not-yet-valid"));
    }

    #[test]
    fn text_that_is_neither_a_certificate_nor_a_comment_is_found() {
        let pem = include_str!("../../../tests/certificates/rsa-2048.pem");
        for (around, is_more) in [
            ("", false),
            ("\n# of prod\n", false),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n", true),
            ("  -----BEGIN CERTIFICATE-----\n  AA==\n", true),
            ("AGE-SECRET-KEY-1\n", true),
        ] {
            for text in [format!("{around}{pem}"), format!("{pem}{around}"), format!("{pem}{around}{pem}")] {
                assert_eq!(holds_more(text.as_bytes()), is_more, "{text}");
            }
        }
    }

    #[test]
    fn text_around_certificates_does_not_matter_and_damage_does() {
        let pem = include_str!("../../../tests/certificates/rsa-2048.pem");
        let with = |text: String| chosen(text.as_bytes(), "2026-01-01", 0);
        assert_eq!(with(format!("subject=CN\n{pem}\n# end\n")), Ok(vec![]));
        assert_eq!(with(pem.replace('\n', "\r\n")), Ok(vec![]));
        assert_eq!(with(String::new()), Err("no-certificate"));
        assert_eq!(with(pem[..300].to_owned()), Err("certificate-damaged"));
        assert_eq!(with(pem.replacen("MII", "MIJ", 1)), Err("certificate-damaged"));
        assert_eq!(with(pem.replace("CERTIFICATE", "CERTIFICATE REQUEST")), Err("no-certificate"));
    }

    #[test]
    fn certificates_are_equal_in_any_order_and_with_any_text_around() {
        let several = include_str!("../../../tests/certificates/several.pem");
        let one = include_str!("../../../tests/certificates/rsa-2048.pem");
        assert_eq!(ders(several.as_bytes()).len(), 3);
        assert_eq!(ders(format!("x\n{one}").as_bytes()), ders(one.as_bytes()));
    }
}
