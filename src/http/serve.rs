//! The listening loop: bounded in connections and in how long a request's head may take.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// One MDM server needs a few; this keeps strangers from using up file handles.
const CONNECTIONS_MAX: usize = 256;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long requests under way may take to end after the shutdown.
const FAREWELL: Duration = Duration::from_secs(10);

/// Serves `router` until `shutdown` resolves, then lets requests under way end.
///
/// # Errors
/// The listening socket itself failed; a single connection never ends the loop.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) -> std::io::Result<()> {
    serve_with(listener, move || router.clone(), shutdown).await
}

/// The same with routes that may change: each connection gets those of its beginning.
///
/// # Errors
/// As for `serve`.
pub async fn serve_with(
    listener: TcpListener,
    router: impl Fn() -> Router,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (ending, _) = watch::channel(());
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    let ended = loop {
        let permit = tokio::select! {
            () = &mut shutdown => break Ok(()),
            permit = Arc::clone(&permits).acquire_owned() => permit,
        };
        let accepted = tokio::select! {
            () = &mut shutdown => break Ok(()),
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = one(stream, router(), ending.subscribe(), HEAD_TIMEOUT);
                connections.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) if of_one_connection(&error) => {}
            // Out of file handles: the next one that ends frees one, and with none there is nothing to wait for.
            Err(error) if !connections.is_empty() => {
                tracing::warn!(%error, "no new connection can be taken");
                connections.join_next().await;
            }
            Err(error) => break Err(error),
        }
        while connections.try_join_next().is_some() {}
    };
    drop(listener);
    drop(ending);
    let _ = tokio::time::timeout(FAREWELL, async { while connections.join_next().await.is_some() {} }).await;
    ended
}

async fn one(stream: TcpStream, router: Router, mut ending: watch::Receiver<()>, head_timeout: Duration) {
    // A failure only means a slower answer.
    let _ = stream.set_nodelay(true);
    // Everybody who calls speaks HTTP/1.1. Waiting to see whether somebody begins with HTTP/2 has no time limit,
    // and a few hundred who never say would take all connections.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_timeout);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // Resolves with an error when the loop drops its end, which is the sign.
        _ = ending.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// Failures of `accept` that belong to the peer, who has gone already.
fn of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as K;
    matches!(error.kind(), K::ConnectionAborted | K::ConnectionReset | K::ConnectionRefused | K::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::{Notify, oneshot};

    #[tokio::test]
    async fn a_shutdown_lets_requests_under_way_end() {
        let (started, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (started_there, go_on_there) = (Arc::clone(&started), Arc::clone(&go_on));
        let router = Router::new().route(
            "/slow",
            get(move || async move {
                started_there.notify_one();
                go_on_there.notified().await;
                "done"
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, router, async {
            let _ = stopped.await;
        }));
        let mut idle = TcpStream::connect(address).await.unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        started.notified().await;
        stop.send(()).unwrap();
        let mut rest = Vec::new();
        assert_eq!(idle.read_to_end(&mut rest).await.unwrap(), 0, "an idle connection ends at once");
        go_on.notify_one();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
        server.await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn who_never_ends_a_request_does_not_keep_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (_ending, end) = watch::channel(());
        for head in ["", "GET / HTTP/1.1\r\nHost: ", "PRI * HTTP", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
            let mut stranger = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            stranger.write_all(head.as_bytes()).await.unwrap();
            let (accepted, _) = listener.accept().await.unwrap();
            let served = one(accepted, Router::new(), end.clone(), Duration::from_millis(20));
            let ended = tokio::time::timeout(HEAD_TIMEOUT, served).await;
            assert!(ended.is_ok(), "{head:?} holds its connection");
        }
    }
}
