//! Signs tokens for the real registry, as a token server of distribution's specification does.

use std::time::SystemTime;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

/// The certificate that the registry trusts.
pub const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/rsa-2048.pem");
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/rsa-2048.key");

/// The name of the registry at the token server, and of the token server at the registry.
pub const ISSUER: &str = "token-server-of-the-tests";
pub const SERVICE: &str = "registry-of-the-tests";

/// A token for this subject with these rights, signed with RS256.
pub fn token(subject: &str, access: &Value) -> String {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let certificate = CertificateDer::from_pem_file(CERTIFICATE).unwrap();
    let head = json!({"typ": "JWT", "alg": "RS256", "x5c": [STANDARD.encode(&certificate)]});
    let claims = json!({
        "iss": ISSUER, "aud": SERVICE, "sub": subject, "access": access,
        "iat": now, "nbf": now - 60, "exp": now + 300, "jti": "1",
    });
    let signed = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let PrivateKeyDer::Pkcs8(key) = PrivateKeyDer::from_pem_file(KEY).unwrap() else { panic!("not PKCS #8") };
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
