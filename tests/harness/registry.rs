//! Runs the real registry of distribution, and puts images into it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Child;

use aws_lc_rs::digest::{SHA256, digest};
use tempfile::TempDir;

use super::bench::Bench;
use super::program::Program;

/// A registry on a loopback address, until it is dropped.
pub struct Registry {
    /// Its host and port.
    pub host: String,
    keeper: Child,
    _folder: TempDir,
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Registry {
    /// Starts the registry with this `auth` in its configuration; `FOLDER` in it is replaced by the folder with these files.
    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    pub fn start(program: &Path, auth: &str, files: &[(&str, &str)]) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let path = folder.path().to_str().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {path}/storage}}}}\n\
             http: {{addr: '127.0.0.1:{port}', secret: x}}\nauth: {}\n",
            auth.replace("FOLDER", path)
        );
        std::fs::write(folder.path().join("config.yml"), config).unwrap();
        // It ends when its stdin closes: the end of the test process always closes it.
        let script = r#""$1" serve "$2" & cat; kill $!"#;
        let shell = Program::new(Path::new("/bin/sh")).arguments(["-c", script, "sh"]);
        let keeper = shell.arguments([program, &folder.path().join("config.yml")]).start();
        let registry = Self { host: format!("localhost:{port}"), keeper, _folder: folder };
        Bench::wait("the registry", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        registry
    }

    /// Puts an image without layers into a repository, with this authorization.
    pub fn push(&self, repository: &str, tag: &str, authorization: &str) {
        let config = "{}";
        let digest = sha256(config);
        let (status, location) =
            self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), authorization, "application/json", "");
        assert_eq!(status, 202, "{location}");
        let place = location.split_once("://").map_or(location.as_str(), |(_, rest)| &rest[rest.find('/').unwrap()..]);
        let place = format!("{place}&digest={digest}");
        assert_eq!(self.send("PUT", &place, authorization, "application/octet-stream", config).0, 201);
        let media = "application/vnd.oci.image.manifest.v1+json";
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{media}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":2}},"layers":[]}}"#
        );
        let path = format!("/v2/{repository}/manifests/{tag}");
        assert_eq!(self.send("PUT", &path, authorization, media, &manifest).0, 201);
    }

    /// The status and the `Location` of a request.
    fn send(&self, method: &str, path: &str, authorization: &str, media: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.host.replace("localhost", "127.0.0.1")).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: {authorization}\r\nContent-Type: {media}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.host,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let location = answer.lines().find_map(|line| line.strip_prefix("Location: "));
        (status, location.unwrap_or_default().to_owned())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().unwrap();
    }
}

fn sha256(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
