//! Asks an API server whose answers have no end.

#![cfg(test)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use kube::{Client, Config};
use regcred_cluster::call::Call;
use regcred_cluster::server::{Server, Trouble};
use serde_json::Value;

/// The address of a server that gives this answer to every request, on every connection.
fn serve(answer: fn(&TcpStream) -> std::io::Result<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut reader = BufReader::new(&stream);
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|count| count > 0) {
                    // The client may leave at any time.
                    if line == "\r\n" && answer(&stream).is_err() {
                        return;
                    }
                    line.clear();
                }
            });
        }
    });
    address
}

fn within<T>(address: &str, timeout: Duration, work: impl AsyncFnOnce(&Server) -> T) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let mut config = Config::new(address.parse().unwrap());
        config.default_retry = false;
        work(&Server::new(Client::try_from(config).unwrap(), timeout, || false)).await
    })
}

#[test]
fn a_list_whose_pages_never_end_is_given_up() {
    let answers: [fn(&TcpStream) -> std::io::Result<()>; 2] = [
        |stream| page(stream, r#"{"metadata":{"continue":"again"},"items":[{"metadata":{"name":"a"}}]}"#),
        |stream| page(stream, r#"{"metadata":{"continue":"again"},"items":[]}"#),
    ];
    for answer in answers {
        let address = serve(answer);
        let began = Instant::now();
        let listed = within(&address, Duration::from_millis(100), async |server| {
            server.list::<Value>("/api/v1/namespaces", &[]).await
        });
        assert!(matches!(listed, Err(Trouble::Endless)), "{listed:?}");
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}

fn page(mut stream: &TcpStream, body: &str) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn a_body_that_never_ends_is_given_up_before_it_takes_all_memory() {
    let address = serve(|mut stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
        loop {
            stream.write_all(chunk.as_bytes())?;
        }
    });
    let call = Call::get("/api/v1/namespaces/a".to_owned());
    let answer = within(&address, Duration::from_secs(120), async |server| server.send(&call).await);
    assert!(matches!(answer, Err(Trouble::Endless)), "{:?}", answer.map(|bytes| bytes.len()));
}
