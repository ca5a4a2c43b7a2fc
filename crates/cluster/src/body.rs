//! Reads the body of an answer up to a limit.

use std::future::poll_fn;
use std::pin::Pin;

use http_body::Body as _;
use kube::client::Body;

/// The largest answer in bytes: half a megabyte for each object of a page.
const LONGEST: usize = 256 * 1024 * 1024;

/// The bytes of a body.
///
/// # Errors
/// The connection failed; `None` if the body is longer than the limit.
pub async fn whole(mut body: Body) -> Result<Vec<u8>, Option<kube::Error>> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        if let Ok(part) = frame.map_err(Some)?.into_data() {
            if bytes.len() + part.len() > LONGEST {
                return Err(None);
            }
            bytes.extend_from_slice(&part);
        }
    }
    Ok(bytes)
}
