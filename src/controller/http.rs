//! Answers /healthz, /readyz and /metrics.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, spawn_local, yield_now};
use tokio::time::{Instant, timeout};

use super::log;
use super::metrics::CONTENT_TYPE;
use super::state::State;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

/// The largest number of connections; another one ends the oldest.
const CONNECTIONS: usize = 64;
/// How long a client may take to send the head of its request.
const HEAD: Duration = Duration::from_secs(2);
/// The longest time of one connection.
const LASTS: Duration = Duration::from_secs(10);

/// Starts to answer on this address.
/// Errors: the port is in use.
pub async fn begin(listen: SocketAddr, state: &Rc<State>) -> Result<(), Failure> {
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        let message = format!("`--listen` {listen} cannot be used: {}", error.kind());
        Failure::of("the port", Diagnostic::error(Code::Unwritable, message).hint("choose another port"))
    })?;
    let address = listener.local_addr().map_or(String::new(), |address| address.to_string());
    log::info("regcred controller", &[("version", env!("CARGO_PKG_VERSION")), ("answers", &address)]);
    spawn_local(answer(listener, Rc::clone(state)));
    Ok(())
}

/// Answers without end, also while other clients hold connections without a request.
async fn answer(listener: TcpListener, state: Rc<State>) {
    let mut connections = VecDeque::<AbortHandle>::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        connections.retain(|connection| !connection.is_finished());
        if connections.len() >= CONNECTIONS
            && let Some(oldest) = connections.pop_front()
        {
            oldest.abort();
        }
        let state = Rc::clone(&state);
        let connection = spawn_local(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let answer = answer_to(&request, &state);
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .keep_alive(false)
                .max_buf_size(16 * 1024)
                .serve_connection(TokioIo::new(stream), service);
            // A client that disconnects, or is too slow, is not our problem.
            let _ = timeout(LASTS, connection).await;
        });
        connections.push_back(connection.abort_handle());
        // A request that has already arrived is answered before the next connections can end this one.
        yield_now().await;
    }
}

fn answer_to<T>(request: &Request<T>, state: &State) -> Response<Full<Bytes>> {
    let plain = |status: StatusCode, text: String| answered(status, "text/plain; charset=utf-8", text);
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
    }
    let verdict = |problem: Option<String>| match problem {
        None => plain(StatusCode::OK, "ok\n".to_owned()),
        Some(problem) => plain(StatusCode::SERVICE_UNAVAILABLE, problem + "\n"),
    };
    match request.uri().path() {
        "/healthz" => verdict(state.not_alive(Instant::now()).map(str::to_owned)),
        "/readyz" => verdict(state.not_ready(Instant::now())),
        "/metrics" => answered(StatusCode::OK, CONTENT_TYPE, state.metrics.text()),
        _ => plain(StatusCode::NOT_FOUND, "/healthz, /readyz or /metrics\n".to_owned()),
    }
}

fn answered(status: StatusCode, content_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    answer
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use tokio::task::{LocalSet, spawn_blocking};

    use super::*;
    use regcred_core::controller::Manner;

    #[tokio::test]
    async fn a_probe_is_answered_while_many_clients_are_silent_and_their_connections_end() {
        let here = LocalSet::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        here.spawn_local(answer(listener, Rc::new(State::new(Manner::Controller))));
        let clients = spawn_blocking(move || {
            for silent in [16, 2 * CONNECTIONS] {
                let silent: Vec<_> = (0..silent).map(|_| TcpStream::connect(address).unwrap()).collect();
                let mut probe = TcpStream::connect(address).unwrap();
                probe.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
                probe.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
                let mut said = String::new();
                // The connection ends here: none waits for another request.
                probe.read_to_string(&mut said).unwrap();
                assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && said.ends_with("ok\n"), "{said}");
                for mut one in silent {
                    one.set_read_timeout(Some(3 * HEAD)).unwrap();
                    assert!(!matches!(one.read(&mut [0; 1]), Ok(1..)), "it has sent no request");
                    assert!(one.read(&mut [0; 1]).is_ok_and(|length| length == 0), "it stays open");
                }
            }
        });
        here.run_until(clients).await.unwrap();
    }

    #[tokio::test]
    async fn a_request_that_has_arrived_is_answered_before_a_flood_of_connections() {
        let here = LocalSet::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut probe = TcpStream::connect(address).unwrap();
        probe.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        let _flood: Vec<_> = (0..2 * CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect();
        here.spawn_local(answer(listener, Rc::new(State::new(Manner::Controller))));
        let answered = spawn_blocking(move || {
            let mut said = String::new();
            probe.read_to_string(&mut said).unwrap();
            assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
        });
        here.run_until(answered).await.unwrap();
    }
}
