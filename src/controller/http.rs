//! Answers /healthz, /readyz and /metrics.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio::time::{Instant, timeout};

use super::log;
use super::metrics::CONTENT_TYPE;
use super::state::State;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

/// The largest number of connections.
const CONNECTIONS: usize = 16;
/// The longest time of one connection.
const LASTS: Duration = Duration::from_secs(30);

/// Starts to answer on this address.
///
/// # Errors
/// The port is in use.
pub async fn begin(listen: SocketAddr, state: &Rc<State>) -> Result<(), Failure> {
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        let message = format!("`--listen` {listen} cannot be had: {}", error.kind());
        Failure::of("the port", Diagnostic::error(Code::Unwritable, message).hint("choose another port"))
    })?;
    let address = listener.local_addr().map_or(String::new(), |address| address.to_string());
    log::info("regcred controller", &[("version", env!("CARGO_PKG_VERSION")), ("answers", &address)]);
    spawn_local(answer(listener, Rc::clone(state)));
    Ok(())
}

/// Answers without end.
async fn answer(listener: TcpListener, state: Rc<State>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let state = Rc::clone(&state);
        spawn_local(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let answer = answer_to(&request, &state);
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection =
                http1::Builder::new().max_buf_size(16 * 1024).serve_connection(TokioIo::new(stream), service);
            // A client that disconnects, or is too slow, is not our problem.
            let _ = timeout(LASTS, connection).await;
            drop(place);
        });
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
