//! Opens sealed values with a private key.

use std::path::PathBuf;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;

/// A file of `tests/certificates`.
pub fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)
}

/// Opens a sealed value, in base64.
pub fn unseal(key: &str, label: &str, sealed: &str) -> Option<String> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(&std::fs::read(file(key)).unwrap()).unwrap();
    let key = PrivateDecryptingKey::from_pkcs8(key.secret_pkcs8_der()).unwrap();
    let key = OaepPrivateDecryptingKey::new(key).unwrap();
    let sealed = STANDARD.decode(sealed).unwrap();
    let (length, rest) = sealed.split_at(2);
    let (session_key, body) = rest.split_at(usize::from(u16::from_be_bytes([length[0], length[1]])));
    let mut buffer = vec![0; key.min_output_size()];
    let session_key = key.decrypt(&OAEP_SHA256_MGF1SHA256, session_key, &mut buffer, Some(label.as_bytes())).ok()?;
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, session_key).unwrap());
    let mut body = body.to_vec();
    let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
    let text = cipher.open_in_place(nonce, Aad::empty(), &mut body).ok()?;
    Some(String::from_utf8(text.to_vec()).unwrap())
}

/// The sealed value of a SealedSecret.
pub fn value(sealed: &Value) -> &str {
    sealed["spec"]["encryptedData"][".dockerconfigjson"].as_str().unwrap()
}
