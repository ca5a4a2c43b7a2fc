//! Parses an image, with the tag or digest by which its manifest is requested.

use std::fmt;
use std::str::FromStr;

use crate::docker_config::kubelet::{Image, InvalidImage};

/// An image with its tag or digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    text: String,
    image: Image,
    version: String,
}

impl FromStr for Reference {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, InvalidImage> {
        let image = text.parse()?;
        let version = match (text.split_once('@'), text.rsplit_once(':')) {
            (Some((_, digest)), _) => digest,
            (None, Some((_, tag))) if !tag.contains('/') => tag,
            _ => "latest",
        };
        Ok(Self { text: text.to_owned(), image, version: version.to_owned() })
    }
}

impl Reference {
    /// The image without tag and digest.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// The path of its manifest in the API of its registry.
    pub fn manifest(&self) -> String {
        format!("/v2/{}/manifests/{}", self.image.path(), self.version)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_a_manifest() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for (text, path) in [
            ("nginx", "/v2/library/nginx/manifests/latest".to_owned()),
            ("acme/api:1.4", "/v2/acme/api/manifests/1.4".to_owned()),
            ("localhost:5000/api", "/v2/api/manifests/latest".to_owned()),
            ("localhost:5000/api:2", "/v2/api/manifests/2".to_owned()),
            (&format!("ghcr.io/acme/api:1@{digest}"), format!("/v2/acme/api/manifests/{digest}")),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().manifest(), path, "{text}");
        }
        assert!("ghcr.io/Acme/api".parse::<Reference>().is_err());
    }
}
