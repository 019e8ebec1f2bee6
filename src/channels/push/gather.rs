//! A stream that lets many HTTP/2 frames leave in one TLS record and one write.
//!
//! Each push wakes the connection, and a connection that writes at once sends every push by itself,
//! which costs nine tenths of the rate. So the first flush only goes to the end of the runtime's
//! queue: tasks that are ready by then add their frames, and the second flush writes them together.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::channels::trust;

/// What one TLS record holds; beyond it, waiting gains nothing.
const GATHER_BYTES_MAX: usize = 16 * 1024;

/// How the stream ended, for those who wait on it: HTTP/2 only passes text on.
#[derive(Debug, Default)]
pub(super) struct Fate {
    tls: OnceLock<rustls::Error>,
    #[cfg(test)]
    pub writes: std::sync::atomic::AtomicUsize,
}

impl Fate {
    /// The TLS failure that ended the connection, such as an alert about our certificate.
    pub fn tls(&self) -> Option<&rustls::Error> {
        self.tls.get()
    }

    fn note(&self, error: &io::Error) {
        if let Some(tls) = trust::tls_cause(error) {
            // The first failure is the cause; later ones follow from it.
            let _ = self.tls.set(tls.clone());
        }
    }
}

pub(super) struct Gather<S> {
    stream: S,
    out: BytesMut,
    stood_back: bool,
    fate: Arc<Fate>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Gather<S> {
    pub fn new(stream: S, fate: Arc<Fate>) -> Self {
        Self { stream, out: BytesMut::with_capacity(GATHER_BYTES_MAX), stood_back: false, fate }
    }

    fn noted<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            self.fate.note(error);
        }
        result
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.out));
            let written = self.noted(written)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            #[cfg(test)]
            self.fate.writes.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            self.out.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gather<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        Poll::Ready(self.noted(read))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gather<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.out.len() >= GATHER_BYTES_MAX {
            ready!(self.poll_drain(cx))?;
        }
        let room = GATHER_BYTES_MAX.saturating_sub(self.out.len());
        let taken = buf.get(..room).unwrap_or(buf);
        self.out.extend_from_slice(taken);
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.out.is_empty() && !self.stood_back {
            self.stood_back = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(self.poll_drain(cx))?;
        self.stood_back = false;
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        Poll::Ready(self.noted(flushed))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn everything_arrives_in_order_and_in_few_writes() {
        let (ours, mut theirs) = tokio::io::duplex(4 * GATHER_BYTES_MAX);
        let fate = Arc::new(Fate::default());
        let mut gather = Gather::new(ours, Arc::clone(&fate));
        let mut sent = Vec::new();
        for n in 0..1000_u32 {
            sent.extend_from_slice(&n.to_be_bytes());
            gather.write_all(&n.to_be_bytes()).await.unwrap();
        }
        let large = vec![7_u8; 2 * GATHER_BYTES_MAX];
        sent.extend_from_slice(&large);
        gather.write_all(&large).await.unwrap();
        gather.shutdown().await.unwrap();
        let mut got = Vec::new();
        theirs.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, sent);
        assert!(fate.writes.load(Ordering::Relaxed) <= 4);
    }

    #[tokio::test]
    async fn a_flush_waits_for_one_turn_and_no_longer() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let mut gather = Gather::new(ours, Arc::default());
        gather.write_all(b"frame").await.unwrap();
        let pending = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut gather).poll_flush(cx).is_pending())).await;
        assert!(pending);
        gather.flush().await.unwrap();
        let mut got = [0; 5];
        theirs.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"frame");
    }
}
