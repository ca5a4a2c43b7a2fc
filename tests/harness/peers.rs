//! Fakes all registries of the internet behind one proxy, where every host answers what a test says.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/registries.pem");
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/registries.key");

/// The certificate authority of these hosts.
pub const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/registries-authority.pem");

/// How long a peer that gives no answer, or an endless answer, keeps the connection.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub host: String,
    /// The path with the query.
    pub path: String,
    pub authorization: Option<String>,
    /// Whether it came by TLS.
    pub is_encrypted: bool,
}

/// The behaviour of a peer.
pub enum Reply {
    /// Status, headers and body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// An endless body.
    Endless,
    /// An endless header.
    HugeHeader,
    /// Bytes that are not HTTP.
    Garbage,
    /// No answer.
    Silence,
}

impl Reply {
    /// Only a status.
    pub fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), String::new())
    }

    /// 401 with this challenge.
    pub fn challenge(challenge: &str) -> Self {
        Self::Answer(401, vec![("WWW-Authenticate", challenge.to_owned())], String::new())
    }

    /// 200 with this body.
    pub fn body(body: &str) -> Self {
        Self::Answer(200, Vec::new(), body.to_owned())
    }
}

/// The peers, until the test process ends.
pub struct Peers {
    /// Their port on this machine.
    pub port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Peers {
    /// Starts the peers.
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, answer, tls) = (Arc::default(), Arc::new(answer), Arc::new(tls()));
        let peers = Self { port, seen: Arc::clone(&seen) };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (seen, answer, tls) = (Arc::clone(&seen), Arc::clone(&answer), Arc::clone(&tls));
                // A client may disconnect at any time.
                thread::spawn(move || serve(stream, &tls, &seen, &*answer));
            }
        });
        peers
    }

    /// The variables that make a program use the peers.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [("HTTPS_PROXY", format!("http://127.0.0.1:{}", self.port)), ("SSL_CERT_FILE", AUTHORITY.to_owned())]
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// The requests with an authorization of this scheme, as `METHOD HOST`.
    pub fn authorized(&self, scheme: &str) -> Vec<String> {
        let has = |request: &Request| request.authorization.as_ref().is_some_and(|text| text.starts_with(scheme));
        self.seen().iter().filter(|request| has(request)).map(|it| format!("{} {}", it.method, it.host)).collect()
    }
}

pub fn tls() -> ServerConfig {
    let certificate = CertificateDer::from_pem_file(CERTIFICATE).unwrap();
    ServerConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::from_pem_file(KEY).unwrap())
        .unwrap()
}

fn serve(
    mut stream: TcpStream,
    tls: &Arc<ServerConfig>,
    seen: &Mutex<Vec<Request>>,
    answer: &dyn Fn(&Request) -> Reply,
) -> Option<()> {
    let head = head(&mut stream)?;
    let Some(place) = head.strip_prefix("CONNECT ") else {
        let request = request(&head, false)?;
        skip_body(&mut stream, &head)?;
        return reply(&mut stream, &request, seen, answer);
    };
    let host = place.split(':').next()?.to_owned();
    if host.ends_with(".invalid") {
        return stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").ok();
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(tls)).ok()?, stream);
    let head = self::head(&mut stream)?;
    let request = request(&head, true)?;
    reply(&mut stream, &Request { host, ..request }, seen, answer)?;
    stream.conn.send_close_notify();
    stream.flush().ok()
}

/// The lines up to the first empty one.
fn head(stream: &mut impl Read) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// Reads the body: a connection that is closed before all was read loses the answer.
fn skip_body(stream: &mut impl Read, head: &str) -> Option<()> {
    let length = head.lines().filter_map(|line| line.split_once(": "));
    let length = { length }.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()
}

fn request(head: &str, is_encrypted: bool) -> Option<Request> {
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ').map(str::to_owned);
    let headers: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    let header = |name: &str| {
        headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| (*value).to_owned())
    };
    let (method, path, host) = (first.next()?, first.next()?, header("host")?);
    Some(Request { method, host, path, authorization: header("authorization"), is_encrypted })
}

fn reply(
    stream: &mut impl Write,
    request: &Request,
    seen: &Mutex<Vec<Request>>,
    answer: &dyn Fn(&Request) -> Reply,
) -> Option<()> {
    seen.lock().unwrap().push(request.clone());
    let mut send = |text: &str| stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).ok();
    match answer(request) {
        Reply::Answer(status, headers, body) => {
            let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let headers = headers.concat();
            let length = body.len();
            let body = if request.method == "HEAD" { "" } else { &body };
            send(&format!(
                "HTTP/1.1 {status} Peer\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            ))
        }
        Reply::Endless => {
            send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            loop {
                send(&format!("1000\r\n{}\r\n", "x".repeat(4096)))?;
            }
        }
        Reply::HugeHeader => {
            send("HTTP/1.1 200 OK\r\nX-Long: ")?;
            loop {
                send(&"x".repeat(4096))?;
            }
        }
        Reply::Garbage => send("SSH-2.0-peer\r\n\r\n"),
        Reply::Silence => {
            thread::sleep(PATIENCE);
            None
        }
    }
}
