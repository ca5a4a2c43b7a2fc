//! An image's name as charts want it: one name in, the two parts between which a chart writes a colon out.

use serde::Serialize;

use crate::settings::patcher::{PatcherSettings, default_image};

/// `repository:tag`, whatever the two are; the registry is part of the repository.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Image<'a> {
    /// What stands before the colon.
    pub repository: &'a str,
    /// What stands after it.
    pub tag: &'a str,
}

impl<'a> Image<'a> {
    /// The image, where another than the chart's own was named.
    pub fn of(patcher: &'a PatcherSettings) -> Option<Self> {
        (patcher.image != default_image(patcher.patcher)).then(|| Self::split(&patcher.image))
    }

    /// At the first colon of the last part of the path: that of a tag, or in `name@sha256:…` the digest's.
    fn split(image: &'a str) -> Self {
        let name = image.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match image[name..].find(':') {
            Some(colon) => (&image[..name + colon], &image[name + colon + 1..]),
            None => (image, "latest"),
        };
        Self { repository, tag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_itself_again_with_a_colon_between_its_parts() {
        for image in ["r.test:5000/a/b:v1", "a@sha256:00ff", "r.test/a:v1@sha256:00ff", "localhost:5000/a:1"] {
            let Image { repository, tag } = Image::split(image);
            assert_eq!(format!("{repository}:{tag}"), image);
        }
        assert_eq!(Image::split("r.test:5000/a"), Image { repository: "r.test:5000/a", tag: "latest" });
    }
}
