//! Sends requests to the API server as another user, byte for byte as a program sends them.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Child;

use serde_json::Value;
use tempfile::TempDir;

use super::bench::Bench;

/// A `kubectl proxy` that sends requests as this user.
///
/// kubectl's own commands send additional requests: `kubectl patch` reads the object first.
pub struct Requests {
    proxy: Child,
    folder: TempDir,
}

impl Requests {
    pub fn of(bench: &Bench, user: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // It ends when its stdin closes: the end of the test process always closes it.
        let script = r#"kubectl proxy --as "$1" --unix-socket "$2" & cat; kill $!"#;
        let proxy = bench.program("sh").arguments(["-c", script, "sh", user]).arguments([folder.path().join("socket")]);
        let requests = Self { proxy: proxy.start(), folder };
        Bench::wait("the proxy", || requests.connect().is_ok());
        requests
    }

    /// A connection to the API server as this user.
    pub fn connect(&self) -> std::io::Result<UnixStream> {
        UnixStream::connect(self.folder.path().join("socket"))
    }

    /// The status, and the body of a failed request: the body of a watch would not end.
    pub fn send(&self, method: &str, path: &str, content: &str, body: &Value) -> (u16, String) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = self.connect().unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/{content}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        // In one piece: if a request is refused by its head, the answer and the close come before a second piece.
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = [0; "HTTP/1.1 200".len()];
        stream.read_exact(&mut head).unwrap();
        let status = std::str::from_utf8(&head).unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        let mut answer = String::new();
        if status >= 300 {
            stream.read_to_string(&mut answer).unwrap();
        }
        (status, answer)
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        drop(self.proxy.stdin.take());
        self.proxy.wait().unwrap();
    }
}
