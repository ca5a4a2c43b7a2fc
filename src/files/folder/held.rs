//! Moves files into a folder, and removes them there. A link in the place of a subfolder is not followed.

#[cfg(unix)]
mod system {
    use std::io;
    use std::os::fd::{AsFd, OwnedFd};
    use std::path::Path;

    use rustix::fs::{AtFlags, CWD, Mode, OFlags, mkdirat, openat, renameat, unlinkat};
    use rustix::io::Errno;

    // Such a descriptor needs no permission to list the folder.
    #[cfg(target_os = "linux")]
    const ACCESS: OFlags = OFlags::PATH;
    #[cfg(not(target_os = "linux"))]
    const ACCESS: OFlags = OFlags::RDONLY;

    /// A folder that stays the same one, whatever happens to its name.
    pub struct Held(OwnedFd);

    impl Held {
        pub fn open(path: &Path) -> io::Result<Self> {
            Ok(Self(open(CWD, path)?))
        }

        /// Moves a file or a folder to a path below this folder, and creates the folders that are missing.
        pub fn put(&self, from: &Path, path: &Path) -> io::Result<()> {
            let create = |folder: &OwnedFd, part: &Path| match open(folder, part) {
                Err(Errno::NOENT) => {
                    mkdirat(folder, part, Mode::from_raw_mode(0o777)).and_then(|()| open(folder, part))
                }
                opened => opened,
            };
            let folder = self.parent(path, create)?;
            Ok(renameat(CWD, from, folder, path.file_name().unwrap_or_default())?)
        }

        pub fn remove_file(&self, path: &Path) -> io::Result<()> {
            self.remove(path, AtFlags::empty())
        }

        pub fn remove_folder(&self, path: &Path) -> io::Result<()> {
            self.remove(path, AtFlags::REMOVEDIR)
        }

        fn remove(&self, path: &Path, flags: AtFlags) -> io::Result<()> {
            let folder = self.parent(path, |folder, part| open(folder, part))?;
            Ok(unlinkat(folder, path.file_name().unwrap_or_default(), flags)?)
        }

        fn parent(&self, path: &Path, open: impl Fn(&OwnedFd, &Path) -> Result<OwnedFd, Errno>) -> io::Result<OwnedFd> {
            let mut parts = path.parent().into_iter().flat_map(Path::components);
            parts.try_fold(self.0.try_clone()?, |folder, part| Ok(open(&folder, part.as_ref())?))
        }
    }

    fn open(folder: impl AsFd, path: &Path) -> Result<OwnedFd, Errno> {
        let flags = ACCESS | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // Systems have two names for a link in the place of a folder.
        openat(folder, path, flags, Mode::empty())
            .map_err(|error| if error == Errno::LOOP { Errno::NOTDIR } else { error })
    }
}

#[cfg(not(unix))]
mod system {
    use std::path::{Path, PathBuf};
    use std::{fs, io};

    pub struct Held(PathBuf);

    impl Held {
        pub fn open(path: &Path) -> io::Result<Self> {
            Ok(Self(path.to_path_buf()))
        }

        pub fn put(&self, from: &Path, path: &Path) -> io::Result<()> {
            let place = self.0.join(path);
            place.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::rename(from, place)
        }

        pub fn remove_file(&self, path: &Path) -> io::Result<()> {
            fs::remove_file(self.0.join(path))
        }

        pub fn remove_folder(&self, path: &Path) -> io::Result<()> {
            fs::remove_dir(self.0.join(path))
        }
    }
}

pub use system::Held;
