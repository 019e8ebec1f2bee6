//! Serving HTTP so that a line can be dropped in the middle of an exchange, which frameworks don't do.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::watch::{Server, Watch, WireEvent};

/// What becomes of an exchange.
pub(super) enum Reply {
    Answer(Response<Full<Bytes>>),
    LineDrops,
}

/// A request whose body is here.
pub(super) struct Asked {
    pub request: Request<Bytes>,
    /// The peer has shown a certificate that was verified.
    pub has_certificate: bool,
}

/// One of the simulated services.
pub(super) trait Service: Send + Sync + 'static {
    fn answer(self: Arc<Self>, asked: Asked) -> BoxFuture<'static, Reply>;
}

/// Which server it is, to whoever watches.
#[derive(Clone)]
pub(super) struct Seen {
    pub server: Server,
    pub watch: Watch,
}

/// Larger than any request that a test or a client has reason to send.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Streams at once on one HTTP/2 connection, about as many as Apple allows.
const STREAMS_MAX: u32 = 1000;

/// HTTP/1.1 in the clear.
pub(super) async fn serve_plain<S: Service>(listener: TcpListener, service: Arc<S>, seen: Seen) {
    let mut connections = JoinSet::new();
    loop {
        let Some(stream) = accept(&listener).await else { continue };
        while connections.try_join_next().is_some() {}
        connections.spawn(one_connection(stream, service.clone(), seen.clone(), false, Version::Http1));
    }
}

/// HTTP/2 over TLS.
pub(super) async fn serve_h2<S: Service>(listener: TcpListener, tls: TlsAcceptor, service: Arc<S>, seen: Seen) {
    let mut connections = JoinSet::new();
    loop {
        let Some(stream) = accept(&listener).await else { continue };
        while connections.try_join_next().is_some() {}
        let (tls, service, seen) = (tls.clone(), service.clone(), seen.clone());
        connections.spawn(async move {
            // A client that doesn't trust us, or isn't one: nothing to answer.
            let Ok(stream) = tls.accept(stream).await else { return };
            let has_certificate = stream.get_ref().1.peer_certificates().is_some();
            one_connection(stream, service, seen, has_certificate, Version::Http2).await;
        });
    }
}

/// The next connection, with every byte sent at once. `None` when this one has gone already.
pub(super) async fn accept(listener: &TcpListener) -> Option<TcpStream> {
    let (stream, _) = match listener.accept().await {
        Ok(accepted) => accepted,
        Err(_) => {
            tokio::task::yield_now().await;
            return None;
        }
    };
    stream.set_nodelay(true).ok()?;
    Some(stream)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Http1,
    Http2,
}

async fn one_connection<S: Service, T>(stream: T, service: Arc<S>, seen: Seen, has_certificate: bool, version: Version)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let cut = Arc::new(Notify::new());
    let answer = {
        let cut = cut.clone();
        service_fn(move |request: Request<Incoming>| {
            let (service, cut, seen) = (service.clone(), cut.clone(), seen.clone());
            async move {
                let Some(request) = whole(request).await else {
                    return Ok::<_, Infallible>(empty(StatusCode::PAYLOAD_TOO_LARGE));
                };
                seen.watch.tell(WireEvent::Asked(seen.server));
                let reply = service.answer(Asked { request, has_certificate }).await;
                seen.watch.tell(WireEvent::Acted(seen.server));
                match reply {
                    Reply::Answer(response) => Ok(response),
                    Reply::LineDrops => {
                        cut.notify_one();
                        std::future::pending().await
                    }
                }
            }
        })
    };
    let io = TokioIo::new(stream);
    // Whichever ends first; a cut drops the connection with everything in flight on it.
    tokio::select! {
        () = cut.notified() => {}
        _ = async {
            match version {
                Version::Http1 => hyper::server::conn::http1::Builder::new().serve_connection(io, answer).await,
                Version::Http2 => {
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .max_concurrent_streams(STREAMS_MAX)
                        .serve_connection(io, answer)
                        .await
                }
            }
        } => {}
    }
}

async fn whole(request: Request<Incoming>) -> Option<Request<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.ok()?.to_bytes();
    Some(Request::from_parts(parts, body))
}

pub(super) fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

pub(super) fn json(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A header's value where it is text.
pub(super) fn header_of<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

/// The query's parameters; of two with one name the last counts.
pub(super) fn query(request: &Request<Bytes>) -> BTreeMap<String, String> {
    let text = request.uri().query().unwrap_or_default();
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decoded(&name.replace('+', " ")), percent_decoded(&value.replace('+', " ")))
        })
        .collect()
}

/// Undoes percent-encoding; what is none stays as it is.
pub(super) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
