//! The mail server's listeners, and the line that a session talks over.

use std::io;
use std::sync::Arc;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::http::accept;
use super::smtp_session::{Ended, Session};
use super::watch::SmtpMoment;
use super::{Shared, SmtpConfig};
use crate::sim::faults::spend;

pub(super) struct SmtpServer {
    pub shared: Shared,
    pub config: SmtpConfig,
    tls: TlsAcceptor,
}

impl SmtpServer {
    pub fn new(shared: Shared, config: SmtpConfig, tls: TlsAcceptor) -> Self {
        Self { shared, config, tls }
    }

    /// Takes connections for ever; `implicit` is TLS from the first byte.
    pub async fn listen(self: Arc<Self>, listener: TcpListener, implicit: bool) {
        let mut connections = JoinSet::new();
        loop {
            let Some(stream) = accept(&listener).await else { continue };
            while connections.try_join_next().is_some() {}
            let server = self.clone();
            connections.spawn(async move {
                // A line that breaks is the client's business; nothing is kept of an unfinished message.
                let _ = server.connection(stream, implicit).await;
            });
        }
    }

    async fn connection(&self, stream: TcpStream, implicit: bool) -> io::Result<()> {
        if self.shared.at_now(|world, _| world.mail.faults.down) {
            return Ok(());
        }
        self.shared.watch.smtp(SmtpMoment::Opened);
        if implicit {
            let stream = self.tls.accept(stream).await?;
            return self.talk(stream).await;
        }
        let mut line = Line::new(stream);
        if !self.greet(&mut line).await? {
            return Ok(());
        }
        match Session::new(self, self.config.starttls).run(&mut line).await? {
            Ended::Quit => line.close().await,
            Ended::LineDrops => Ok(()),
            Ended::StartTls => {
                // What came before the handshake is forgotten (RFC 3207 4.2), typed ahead or not.
                let mut line = Line::new(self.tls.accept(line.stream).await?);
                match Session::new(self, false).run(&mut line).await? {
                    Ended::Quit => line.close().await,
                    Ended::LineDrops | Ended::StartTls => Ok(()),
                }
            }
        }
    }

    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<()> {
        let mut line = Line::new(stream);
        if !self.greet(&mut line).await? {
            return Ok(());
        }
        match Session::new(self, false).run(&mut line).await? {
            Ended::Quit => line.close().await,
            Ended::LineDrops | Ended::StartTls => Ok(()),
        }
    }

    async fn greet<S: AsyncRead + AsyncWrite + Unpin>(&self, line: &mut Line<S>) -> io::Result<bool> {
        if self.shared.at_now(|world, _| spend(&mut world.mail.faults.busy)) {
            line.say(421, "4.3.2 Too busy, try again later");
            line.close().await?;
            return Ok(false);
        }
        line.say(220, "mail.sunnyside.example ESMTP simulated");
        Ok(true)
    }
}

/// A connection with what has come in and what is to go out. Replies leave when nothing more of what
/// has come in can be answered: a pipelining client gets all of them in one packet.
pub(super) struct Line<S> {
    stream: S,
    input: BytesMut,
    output: Vec<u8>,
}

/// RFC 5321 asks for 512; addresses and extensions have grown since.
const COMMAND_BYTES_MAX: usize = 4096;
const READ_BYTES: usize = 32 * 1024;

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, input: BytesMut::with_capacity(READ_BYTES), output: Vec::with_capacity(512) }
    }

    pub fn say(&mut self, code: u16, text: &str) {
        self.output.extend_from_slice(format!("{code} {text}\r\n").as_bytes());
    }

    /// A reply of several lines.
    pub fn say_all(&mut self, code: u16, texts: &[String]) {
        for (n, text) in texts.iter().enumerate() {
            let mark = if n + 1 == texts.len() { ' ' } else { '-' };
            self.output.extend_from_slice(format!("{code}{mark}{text}\r\n").as_bytes());
        }
    }

    /// The next command line without its end; `None` for one that is too long, which is skipped.
    ///
    /// # Errors
    /// The line broke.
    pub async fn command(&mut self) -> io::Result<Option<String>> {
        let mut looked_at = 0;
        let mut too_long = false;
        loop {
            let fresh = self.input.get(looked_at..).unwrap_or_default();
            if let Some(at) = fresh.iter().position(|c| *c == b'\n') {
                let command = self.input.split_to(looked_at + at + 1);
                let text = String::from_utf8_lossy(&command);
                return Ok(
                    (!too_long && command.len() <= COMMAND_BYTES_MAX).then(|| text.trim_end_matches(['\r', '\n']).to_owned())
                );
            }
            looked_at = self.input.len();
            if looked_at > COMMAND_BYTES_MAX {
                too_long = true;
                self.input.clear();
                looked_at = 0;
            }
            self.more().await?;
        }
    }

    /// Sends what has been said and waits for more.
    ///
    /// # Errors
    /// The line broke, or was closed.
    pub async fn more(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.input.reserve(READ_BYTES);
        if self.stream.read_buf(&mut self.input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    pub async fn flush(&mut self) -> io::Result<()> {
        if !self.output.is_empty() {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await?;
            self.output.clear();
        }
        Ok(())
    }

    /// A message up to its final dot, without the dots that protect others (RFC 5321 4.5.2). `None`
    /// when it was longer than `bytes_max`; it has been read all the same.
    ///
    /// # Errors
    /// The line broke.
    pub async fn message(&mut self, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let mut message = Vec::new();
        let mut whole = true;
        let mut at_line_start = true;
        loop {
            while let Some(at) = self.input.iter().position(|c| *c == b'\n') {
                let end = at + 1;
                let piece = self.input.get(..end).unwrap_or_default();
                if at_line_start && piece == b".\r\n" {
                    self.input.advance(end);
                    return Ok(whole.then_some(message));
                }
                let stuffed = usize::from(at_line_start && piece.first() == Some(&b'.'));
                // A bare line feed ends no line: otherwise ".\n" could smuggle in a second message.
                at_line_start = piece.ends_with(b"\r\n");
                whole = whole && message.len() + piece.len() <= bytes_max;
                if whole {
                    message.extend_from_slice(piece.get(stuffed..).unwrap_or_default());
                }
                self.input.advance(end);
            }
            // A very long line is taken in pieces; a carriage return waits for what follows it.
            if self.input.len() > READ_BYTES {
                let keep = usize::from(self.input.last() == Some(&b'\r'));
                let piece = self.input.split_to(self.input.len() - keep);
                let stuffed = usize::from(at_line_start && piece.first() == Some(&b'.'));
                at_line_start = false;
                whole = whole && message.len() + piece.len() <= bytes_max;
                if whole {
                    message.extend_from_slice(piece.get(stuffed..).unwrap_or_default());
                }
            }
            self.more().await?;
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.stream.shutdown().await
    }
}
