//! Seals one value, as the Sealed Secrets controller opens it.
//!
//! The result is the length of R in two bytes ‖ R ‖ C. R is a new AES key, encrypted by RSA-OAEP (SHA-256, MGF1 of SHA-256, the
//! label). C is the text, encrypted by AES-256-GCM with that key. The nonce is all zeros, because the key is never used again. See
//! `HybridEncrypt` in github.com/bitnami-labs/sealed-secrets/pkg/crypto.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey};
use zeroize::Zeroizing;

use crate::settings::choices::SealingScope;

/// Seals a text, with different bytes at every call.
///
/// # Errors
/// The library's, if there is no randomness.
pub fn seal(key: &OaepPublicEncryptingKey, label: &[u8], text: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let mut session_key = Zeroizing::new([0; 32]);
    rand::fill(&mut *session_key)?;
    let size = key.ciphertext_size();
    let mut sealed = vec![0; 2 + size];
    sealed[..2].copy_from_slice(&u16::try_from(size).map_err(|_| Unspecified)?.to_be_bytes());
    key.encrypt(&OAEP_SHA256_MGF1SHA256, &*session_key, &mut sealed[2..], Some(label))?;
    // Allocated at full length, because growing would leave a copy of the text in memory.
    let mut body = Vec::with_capacity(text.len() + AES_256_GCM.tag_len());
    body.extend_from_slice(text);
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*session_key)?);
    cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key([0; NONCE_LEN]), Aad::empty(), &mut body)?;
    sealed.append(&mut body);
    Ok(sealed)
}

/// Whether a value has the form of one that was sealed with this key: the right length, and the right first two bytes.
pub fn has_form(key: &OaepPublicEncryptingKey, sealed: &[u8]) -> bool {
    let size = key.ciphertext_size();
    let says = sealed.first_chunk().map(|bytes| usize::from(u16::from_be_bytes(*bytes)));
    says == Some(size) && sealed.len() > 2 + size + AES_256_GCM.tag_len()
}

/// The label that a value is bound to: a controller that finds the value elsewhere cannot open it.
pub fn label(scope: SealingScope, namespace: &str, name: &str) -> Vec<u8> {
    match scope {
        SealingScope::Strict => format!("{namespace}/{name}").into_bytes(),
        SealingScope::NamespaceWide => namespace.as_bytes().to_vec(),
        SealingScope::ClusterWide => Vec::new(),
    }
}
