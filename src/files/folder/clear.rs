//! Finds a login in clear in a text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Whether a Docker config can be read in a text, in clear or in base64.
pub fn in_clear(text: &[u8]) -> bool {
    const AUTHS: &[u8] = b"\"auths\"";
    let has_auths = |text: &[u8]| text.windows(AUTHS.len()).any(|part| part == AUTHS);
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    let decoded = |run: &[u8]| STANDARD.decode(run).map(Zeroizing::new).is_ok_and(|text| has_auths(&text));
    has_auths(text) || text.split(|byte| !is_base64(byte)).any(decoded)
}
