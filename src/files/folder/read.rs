//! Reads files that somebody else may have put there.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// A file of 100,000 documents takes a few hundred reads of this size.
const BUFFER: usize = 64 * 1024;
/// The largest size of a file of ours.
const LIMIT: u64 = 1024 * 1024 * 1024;

/// Opens a regular file, if it exists. It neither follows a link in the last part of the path nor waits for a pipe.
/// Errors: it is no regular file, cannot be opened, or is larger than any file of ours.
pub fn open(path: &Path) -> io::Result<Option<io::Take<File>>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => match file.metadata()? {
            metadata if !metadata.is_file() => Err(io::ErrorKind::Unsupported.into()),
            metadata if metadata.len() > LIMIT => Err(io::ErrorKind::FileTooLarge.into()),
            _ => Ok(Some(file.take(LIMIT))),
        },
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        // The system takes a link for a loop of links.
        Err(_) if path.is_symlink() => Err(io::ErrorKind::Unsupported.into()),
        Err(error) => Err(error),
    }
}

/// The text of a file, in which lines end with a line feed only; `None` if the file does not exist.
pub fn text(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let Some(file) = open(path)? else { return Ok(None) };
    let mut text = Zeroizing::new(Vec::new());
    each_part(file, |part| text.extend_from_slice(part))?;
    Ok(Some(text))
}

/// Takes the bytes part by part, without the carriage returns before line feeds.
pub fn each_part(mut from: impl Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = Zeroizing::new(vec![0; BUFFER]);
    let mut after_return = false;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let part = &buffer[..count];
        if after_return && part.first() != Some(&b'\n') {
            take(b"\r");
        }
        after_return = part.last() == Some(&b'\r');
        let part = &part[..part.len() - usize::from(after_return)];
        if count == 0 {
            return Ok(());
        }
        if part.contains(&b'\r') {
            for piece in part.split_inclusive(|byte| *byte == b'\n') {
                match piece.strip_suffix(b"\r\n") {
                    Some(line) => {
                        take(line);
                        take(b"\n");
                    }
                    None => take(piece),
                }
            }
        } else {
            take(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct ByteByByte<'a>(&'a [u8]);

    impl Read for ByteByByte<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            into[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    #[test]
    fn a_carriage_return_before_a_line_feed_does_not_count() {
        for (text, expected) in [
            ("a\r\nb\r\n", "a\nb\n"),
            ("a\rb\n", "a\rb\n"),
            ("\r\r\n", "\r\n"),
            ("a\r", "a\r"),
            ("", ""),
            ("\r\n", "\n"),
        ] {
            let (mut whole, mut parts) = (Vec::new(), Vec::new());
            each_part(text.as_bytes(), |part| whole.extend_from_slice(part)).unwrap();
            each_part(ByteByByte(text.as_bytes()), |part| parts.extend_from_slice(part)).unwrap();
            assert_eq!((whole.as_slice(), parts.as_slice()), (expected.as_bytes(), expected.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn a_file_that_is_mostly_a_hole_is_too_long() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(LIMIT + 1).unwrap();
        assert_eq!(open(file.path()).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_link_a_device_and_a_folder_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [&link, Path::new("/dev/zero"), folder.path()] {
            let error = open(path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{}: {error}", path.display());
        }
        assert!(open(&folder.path().join("none")).unwrap().is_none());
    }
}
