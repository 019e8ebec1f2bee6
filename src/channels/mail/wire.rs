//! One line to a server: bytes out, replies in, each within its time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::reply::Reply;

/// RFC 5321 4.5.3.1.5 allows 512 bytes; servers that write essays get some room.
const LINE_MAX: u64 = 4_096;
const LINES_MAX: usize = 128;

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

pub(super) struct Wire {
    io: BufReader<Stream>,
}

impl Wire {
    pub fn new(stream: Stream) -> Self {
        Self { io: BufReader::with_capacity(2_048, stream) }
    }

    /// Writes and flushes. An error means that the last byte was not handed to the network: under
    /// TLS too, since what the far side can't complete as a record it can't read.
    pub async fn write(&mut self, bytes: &[u8], within: Duration) -> io::Result<()> {
        let io = self.io.get_mut();
        in_time(within, async {
            io.write_all(bytes).await?;
            io.flush().await
        })
        .await
    }

    /// The next reply. Bare line feeds, a code without text and text that isn't UTF-8 are taken:
    /// they occur, and nothing of them is trusted.
    pub async fn reply(&mut self, within: Duration) -> io::Result<Reply> {
        in_time(within, self.read_reply()).await
    }

    /// Whether the far side has said something that nobody has read.
    pub fn has_unread(&self) -> bool {
        !self.io.buffer().is_empty()
    }

    /// The bare TCP stream, to put TLS on it. `None` where TLS is on already, or where bytes came
    /// before the handshake: somebody on the way may have put them there (CVE-2011-0411).
    pub fn into_plain(self) -> Option<TcpStream> {
        if self.has_unread() {
            return None;
        }
        match self.io.into_inner() {
            Stream::Plain(tcp) => Some(tcp),
            Stream::Tls(_) => None,
        }
    }

    async fn read_reply(&mut self) -> io::Result<Reply> {
        let mut lines = Vec::new();
        let mut code = None;
        let mut raw = Vec::with_capacity(128);
        loop {
            raw.clear();
            (&mut self.io).take(LINE_MAX).read_until(b'\n', &mut raw).await?;
            if raw.last() != Some(&b'\n') {
                let what = if raw.is_empty() { "the line was closed" } else { "the line was cut within a reply" };
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
            }
            while matches!(raw.last(), Some(b'\n' | b'\r')) {
                raw.pop();
            }
            let (this_code, more, text) = parse_line(&raw).ok_or_else(not_smtp)?;
            if code.is_some_and(|c| c != this_code) || lines.len() >= LINES_MAX {
                return Err(not_smtp());
            }
            code = Some(this_code);
            lines.push(text);
            if !more {
                return Ok(Reply { code: this_code, lines });
            }
        }
    }
}

fn not_smtp() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the answer is not SMTP")
}

/// Code, whether more lines follow, text.
fn parse_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !matches!(digits.first(), Some(b'2'..=b'5')) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0_u16, |n, d| n * 10 + u16::from(d - b'0'));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match rest.split_first() {
        None => Some((code, false, String::new())),
        Some((b' ', rest)) => Some((code, false, text(rest))),
        Some((b'-', rest)) => Some((code, true, text(rest))),
        Some(_) => None,
    }
}

/// `work`, or a timeout error.
pub(super) async fn in_time<T>(within: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(within, work).await {
        Ok(done) => done,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", within.as_secs()))),
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(s) => Pin::new(s).poll_read(cx, buf),
            Self::Tls(s) => Pin::new(s).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(s) => Pin::new(s).poll_write(cx, buf),
            Self::Tls(s) => Pin::new(s).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(s) => Pin::new(s).poll_flush(cx),
            Self::Tls(s) => Pin::new(s).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(s) => Pin::new(s).poll_shutdown(cx),
            Self::Tls(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reply_lines_are_read_strictly_where_it_matters() {
        assert_eq!(parse_line(b"250 ok"), Some((250, false, "ok".into())));
        assert_eq!(parse_line(b"250-SIZE 1"), Some((250, true, "SIZE 1".into())));
        assert_eq!(parse_line(b"354"), Some((354, false, String::new())));
        assert_eq!(parse_line(b"550 f\xe9"), Some((550, false, "f\u{fffd}".into())));
        for bad in [&b""[..], b"25", b"abc", b"150 x", b"650 x", b"250x", b"2 0 x"] {
            assert_eq!(parse_line(bad), None, "{bad:?}");
        }
    }
}
