//! Finds a login in clear in a text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

/// Whether a text may hold a Docker config or a Secret, in clear or in base64, however it is quoted or folded, also in UTF-16, which
/// has a zero beside each letter.
pub fn in_clear(text: &[u8]) -> bool {
    within(text, 3)
}

/// The same, below so many layers of base64 at most.
fn within(text: &[u8], depth: u8) -> bool {
    let text: Zeroizing<Vec<u8>> = Zeroizing::new(text.iter().filter(|byte| **byte != 0).copied().collect());
    String::from_utf8_lossy(&text).split("\n---").any(|document| document_in_clear(document.as_bytes(), depth))
}

fn document_in_clear(text: &[u8], depth: u8) -> bool {
    let text = bare(text);
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    // A word before the base64, such as a tag of YAML, moves its beginning.
    let decodes_to_a_config = |run: &[u8]| {
        (0..4).filter_map(|start| run.get(start..)).any(|run| {
            let whole = &run[..run.len() - run.len() % 4];
            let decoded = STANDARD_NO_PAD.decode(whole).map(Zeroizing::new);
            decoded.is_ok_and(|text| has(&bare(&text), "auth:") || within(&text, depth - 1))
        })
    };
    has(&text, "auths:")
        || is_secret(&text)
        || depth > 0 && text.split(|byte| !is_base64(byte)).any(decodes_to_a_config)
}

/// The text without white space, quotes, escapes and the zeros of UTF-16.
fn bare(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let is_kept = |byte: &&u8| !byte.is_ascii_whitespace() && !b"\\\"'\0".contains(byte);
    Zeroizing::new(text.iter().filter(is_kept).copied().collect())
}

fn has(text: &[u8], field: &str) -> bool {
    text.windows(field.len()).any(|part| part == field.as_bytes())
}

/// Whether there is a Secret with data that sops did not encrypt; a `SecretStore` does not count.
fn is_secret(text: &[u8]) -> bool {
    const KIND: &[u8] = b"kind:Secret";
    let count = |field: &[u8]| text.windows(field.len()).filter(|part| *part == field).count();
    let ends = |next: Option<&u8>| next.is_none_or(|next| !next.is_ascii_uppercase());
    let mut kinds = text.windows(KIND.len()).enumerate().filter(|(_, part)| *part == KIND);
    kinds.any(|(at, _)| ends(text.get(at + KIND.len())))
        && (count(b"stringData:") > 0 || count(b"data:") > count(b"metadata:"))
        && !(has(text, "sops:") && has(text, "ENC[AES256_GCM,"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_found_however_it_is_written() {
        const CONFIG: &str = "eyJhdXRocyI6eyJhIjp7ImF1dGgiOiJiOmMifX19";
        let folded = format!("a: >-\n  {}\n  {}\n", &CONFIG[..11], &CONFIG[11..]);
        for text in [
            r#"{"auths": {}}"#,
            r#"stringData: {x: "{\"auths\": {}}"}"#,
            "auths:\n  ghcr.io: {}\n",
            &format!("a: {CONFIG}"),
            &format!("a: !!binary\n  {CONFIG}"),
            &folded,
            // Without its padding, and of the older form.
            "a: eyJhdXRocyI6e319Cg",
            "a: eyJnaGNyLmlvIjp7ImF1dGgiOiJiOmMifX0=",
            "kind: Secret\nstringData: {username: a, password: b}",
            r#"{"kind":"Secret","metadata":{},"data":{"a":"b"}}"#,
            "kind: Secret\ndata: {a: 'ENC[AES256_GCM,data:x]'}\nsops: {mac: x}\n---\nkind: Secret\ndata: {a: b}",
        ] {
            assert!(in_clear(text.as_bytes()), "{text}");
            for order in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
                let utf_16 = |text: &str| text.encode_utf16().flat_map(order).collect::<Vec<_>>();
                assert!(in_clear(&utf_16(text)) && in_clear(&utf_16(&format!("\u{feff}{text}"))), "{text}");
                // And in base64 around all of it, once more.
                let outer = STANDARD_NO_PAD.encode(utf_16(text));
                assert!(in_clear(outer.as_bytes()) && in_clear(STANDARD_NO_PAD.encode(outer).as_bytes()), "{text}");
            }
        }
    }

    #[test]
    fn a_text_without_a_login_is_not_taken_for_one() {
        for text in [
            "",
            "kind: SealedSecret\nspec: {encryptedData: {a: AgBy3i4OJSWK}}",
            "kind: SecretStore\nspec: {provider: {vault: {auth: {kubernetes: {role: x}}}}}",
            "kind: SecretStore\nspec: {data: x}",
            "kind: Secret\nmetadata: {name: a}\n",
            "kind: Secret\ndata: {a: 'ENC[AES256_GCM,data:x]'}\nsops: {mac: x}",
            "authority: a\nauthor: b\n",
        ] {
            assert!(!in_clear(text.as_bytes()), "{text}");
        }
    }
}
