//! Stands between a program and the API server, and holds every write after the first ones, so that a test can end the program between two
//! writes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;

use super::bench::{self, Bench, fresh};
use super::requests::Requests;

/// A gate, and the kubeconfig that leads to it.
pub struct Gate {
    pub kubeconfig: PathBuf,
    writes: Arc<Mutex<Writes>>,
}

#[derive(Default)]
struct Writes {
    begun: usize,
    answered: usize,
    held: usize,
}

impl Gate {
    /// A gate for this user that lets this many writes through.
    pub fn of(bench: &Bench, user: &str, open_for: usize) -> Self {
        let (listener, api) = (TcpListener::bind("127.0.0.1:0").unwrap(), Requests::of(bench, user));
        let (kubeconfig, writes) = (bench.file(&fresh("gate")), Arc::<Mutex<Writes>>::default());
        let server = format!("http://{}", listener.local_addr().unwrap());
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "gate", "users": [{"name": "u", "user": {}}],
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "contexts": [{"name": "gate", "context": {"cluster": "c", "user": "u"}}]});
        bench::write(&kubeconfig, &config.to_string());
        let (counts, api) = (Arc::clone(&writes), Arc::new(api));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (counts, api) = (Arc::clone(&counts), Arc::clone(&api));
                // The program may leave at any time.
                thread::spawn(move || lead_through(client, &api, &counts, open_for));
            }
        });
        Self { kubeconfig, writes }
    }

    /// Waits until the first writes are answered, and another one is held.
    pub fn wait_until_it_holds(&self) {
        Bench::wait("a write to be held", || {
            let writes = self.writes.lock().unwrap();
            writes.held > 0 && writes.begun == writes.answered
        });
    }
}

fn lead_through(mut client: TcpStream, api: &Requests, counts: &Mutex<Writes>, open_for: usize) -> io::Result<()> {
    let (mut reader, mut head) = (BufReader::new(client.try_clone()?), String::new());
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let is_write = !head.starts_with("GET ");
    if is_write {
        let mut counts = counts.lock().unwrap();
        if counts.begun == open_for {
            counts.held += 1;
            drop(counts);
            return reader.read(&mut [0]).map(|_| ());
        }
        counts.begun += 1;
    }
    let mut server = api.connect()?;
    server.write_all(head.trim_end().as_bytes())?;
    server.write_all(b"\r\nConnection: close\r\n\r\n")?;
    server.write_all(&body)?;
    io::copy(&mut server, &mut client)?;
    counts.lock().unwrap().answered += usize::from(is_write);
    Ok(())
}
