//! Runs a fake API server that gives scripted answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use kube::{Client, Config};
use regcred_cluster::server::Server;
use regcred_core::cluster::{Delivery, OnConflict, PullSecret, Unchangeable};
use regcred_core::objects::marks::Marks;
use regcred_core::spec::choice::Link;
use serde_json::Value;

/// Answers each request with the next of its answers. Without an answer left, it is silent.
pub struct Peer {
    pub address: String,
    pub requests: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    pub fn with(answers: Vec<(u16, &'static str, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, requests) = (format!("http://{}", listener.local_addr().unwrap()), Arc::default());
        let (seen, answers) = (Arc::clone(&requests), Arc::new(Mutex::new(answers)));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answers) = (Arc::clone(&seen), Arc::clone(&answers));
                thread::spawn(move || serve(&stream.unwrap(), &seen, &answers));
            }
        });
        Self { address, requests }
    }

    pub fn server(&self, timeout: Duration, stop: fn() -> bool) -> Server {
        let mut config = Config::new(self.address.parse().unwrap());
        config.default_retry = false;
        Server::new(Client::try_from(config).unwrap(), timeout, stop)
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

type Answers = Mutex<Vec<(u16, &'static str, Value)>>;

fn serve(stream: &TcpStream, seen: &Mutex<Vec<String>>, answers: &Answers) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if reader.read_line(&mut first).unwrap_or_default() == 0 {
            return;
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(text) = line.to_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        seen.lock().unwrap().push(format!("{} {}", first.trim_end(), String::from_utf8(body).unwrap()));
        let mut answers = answers.lock().unwrap();
        if answers.is_empty() {
            drop(answers);
            // Keeps the connection open without an answer, until the client closes it.
            let _ = reader.read_line(&mut first);
            return;
        }
        let (status, header, body) = answers.remove(0);
        let body = body.to_string();
        write!(&*stream, "HTTP/1.1 {status} X\r\n{header}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    }
}

/// The delivery of the owner `acme`.
pub fn delivery(link: Link, pull_secrets: Vec<PullSecret<'_>>) -> Delivery<'_> {
    Delivery {
        pull_secrets,
        link,
        marks: Marks { owner: "acme".to_owned(), profile: None },
        on_conflict: OnConflict::Fail,
        unchangeable: Unchangeable::Refuse,
    }
}

pub fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

pub const LONG: Duration = Duration::from_secs(20);

pub fn never() -> bool {
    false
}
