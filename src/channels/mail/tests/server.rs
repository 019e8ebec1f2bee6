//! A mail server that says what the test wants.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// What happens instead of the usual answer.
#[derive(Clone, Debug)]
pub enum Act {
    Say(&'static str),
    /// Closes without a word.
    Drop,
    SayThenDrop(&'static str),
    /// Waits until the test lets it go on, then answers as usual.
    Hold,
    /// Answers nothing and keeps the line.
    Silence,
}
pub use Act::{Drop, Hold, Say, SayThenDrop, Silence};

pub struct Script {
    /// Lines after the first of EHLO's reply.
    pub offers: Vec<&'static str>,
    /// Lines once TLS is on; `None`: the same without STARTTLS.
    pub offers_under_tls: Option<Vec<&'static str>>,
    /// Per stage (`greeting`, `EHLO`, `MAIL`, `RCPT`, `DATA`, `.`, `AUTH`, `NOOP`, `else`, `idle`), in
    /// turn; then the usual answer. `idle` is what happens right after a message was taken.
    pub acts: HashMap<&'static str, VecDeque<Act>>,
    pub tls: Option<TlsAcceptor>,
    pub implicit_tls: bool,
    /// Stops reading the body after so many bytes, and closes.
    pub body_max: Option<usize>,
}

impl Script {
    pub fn on(&mut self, stage: &'static str, acts: impl IntoIterator<Item = Act>) -> &mut Self {
        self.acts.entry(stage).or_default().extend(acts);
        self
    }

    pub fn offer(&mut self, lines: &[&'static str]) -> &mut Self {
        self.offers.extend(lines);
        self
    }
}

#[derive(Default)]
pub struct Seen {
    /// Commands as they came, without line ends; `.` for each message's end.
    pub commands: Vec<String>,
    /// Message bodies as they travelled, without the final dot.
    pub bodies: Vec<Vec<u8>>,
    pub connections: usize,
    pub open: usize,
    pub open_max: usize,
    /// Commands that had arrived before the one ahead of them was answered.
    pub ahead: usize,
}

pub struct Server {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Seen>>,
    /// Lets held answers go, one a permit.
    pub release: Arc<Semaphore>,
    listener: tokio::task::JoinHandle<()>,
}

impl std::ops::Drop for Server {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Server {
    pub async fn start(write: impl FnOnce(&mut Script)) -> Self {
        let mut script = Script {
            offers: Vec::new(),
            offers_under_tls: None,
            acts: HashMap::new(),
            tls: None,
            implicit_tls: false,
            body_max: None,
        };
        write(&mut script);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let release = Arc::new(Semaphore::new(0));
        let script = Arc::new(Mutex::new(script));
        let shared = (Arc::clone(&seen), Arc::clone(&release));
        let listener = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let line = Line { script: Arc::clone(&script), seen: Arc::clone(&shared.0), release: Arc::clone(&shared.1) };
                tokio::spawn(line.serve(tcp));
            }
        });
        Self { address, seen, release, listener }
    }

    pub fn commands(&self) -> Vec<String> {
        self.seen.lock().unwrap().commands.clone()
    }

    /// How often a command (its first word) came.
    pub fn count(&self, word: &str) -> usize {
        self.commands().iter().filter(|c| c.split_whitespace().next() == Some(word)).count()
    }

    pub fn with<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }
}

/// A key and a certificate for 127.0.0.1 that nobody has signed but itself.
pub fn certificate() -> (TlsAcceptor, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(made.cert.der().to_vec())], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem().into_bytes())
}

struct Line {
    script: Arc<Mutex<Script>>,
    seen: Arc<Mutex<Seen>>,
    release: Arc<Semaphore>,
}

trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

enum Next {
    Close,
    Tls,
}

impl Line {
    async fn serve(self, tcp: TcpStream) {
        {
            let mut seen = self.seen.lock().unwrap();
            seen.connections += 1;
            seen.open += 1;
            seen.open_max = seen.open_max.max(seen.open);
        }
        self.talk(tcp).await;
        self.seen.lock().unwrap().open -= 1;
    }

    async fn talk(&self, tcp: TcpStream) {
        let (acceptor, implicit) = {
            let script = self.script.lock().unwrap();
            (script.tls.clone(), script.implicit_tls)
        };
        if implicit {
            if let Ok(tls) = acceptor.unwrap().accept(tcp).await {
                self.session(&mut BufReader::new(tls), true, true).await;
            }
            return;
        }
        let mut plain = BufReader::new(tcp);
        if let Next::Tls = self.session(&mut plain, true, false).await
            && let Ok(tls) = acceptor.unwrap().accept(plain.into_inner()).await
        {
            self.session(&mut BufReader::new(tls), false, true).await;
        }
    }

    async fn session<S: Bytes>(&self, io: &mut BufReader<S>, greet: bool, secure: bool) -> Next {
        if greet && !self.answer(io, "greeting", "220 mail.example ESMTP").await {
            return Next::Close;
        }
        let mut recipient = false;
        loop {
            let mut raw = Vec::new();
            if io.read_until(b'\n', &mut raw).await.unwrap_or(0) == 0 {
                return Next::Close;
            }
            let line = String::from_utf8_lossy(&raw).trim_end().to_owned();
            let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            {
                let mut seen = self.seen.lock().unwrap();
                seen.commands.push(line);
                if !io.buffer().is_empty() {
                    seen.ahead += 1;
                }
            }
            let go_on = match word.as_str() {
                "EHLO" => {
                    let offers = self.ehlo(secure);
                    self.answer(io, "EHLO", &offers).await
                }
                "STARTTLS" => {
                    if !self.answer(io, "STARTTLS", "220 go ahead").await {
                        return Next::Close;
                    }
                    if self.script.lock().unwrap().tls.is_some() {
                        return Next::Tls;
                    }
                    true
                }
                "AUTH" => self.answer(io, "AUTH", "235 2.7.0 welcome").await,
                "MAIL" => {
                    recipient = false;
                    self.answer(io, "MAIL", "250 2.1.0 ok").await
                }
                "RCPT" => {
                    let (go_on, taken) = self.answer_taken(io, "RCPT", "250 2.1.5 ok").await;
                    recipient = taken;
                    go_on
                }
                "DATA" => {
                    let usual = if recipient { "354 go ahead" } else { "503 5.5.1 no recipient" };
                    let (go_on, taken) = self.answer_taken(io, "DATA", usual).await;
                    go_on && (!taken || self.body(io).await)
                }
                "NOOP" => self.answer(io, "NOOP", "250 ok").await,
                "QUIT" => {
                    self.say(io, "221 2.0.0 bye").await;
                    return Next::Close;
                }
                _ => self.answer(io, "else", "250 2.0.0 ok").await,
            };
            if !go_on {
                return Next::Close;
            }
        }
    }

    async fn body<S: Bytes>(&self, io: &mut BufReader<S>) -> bool {
        let body_max = self.script.lock().unwrap().body_max;
        if let Some(max) = body_max {
            let mut some = vec![0; max];
            let _ = io.read_exact(&mut some).await;
            return false;
        }
        let mut body = Vec::new();
        loop {
            let start = body.len();
            if io.read_until(b'\n', &mut body).await.unwrap_or(0) == 0 {
                return false;
            }
            if &body[start..] == b".\r\n" {
                body.truncate(start);
                break;
            }
        }
        {
            let mut seen = self.seen.lock().unwrap();
            seen.commands.push(".".to_owned());
            seen.bodies.push(body);
        }
        if !self.answer(io, ".", "250 2.0.0 Ok: queued as 4F1").await {
            return false;
        }
        match self.act("idle") {
            Some(Drop) => false,
            Some(Say(words) | SayThenDrop(words)) => {
                self.say(io, words).await;
                false
            }
            _ => true,
        }
    }

    fn ehlo(&self, secure: bool) -> String {
        let script = self.script.lock().unwrap();
        let mut lines = vec!["mail.example"];
        match &script.offers_under_tls {
            Some(offers) if secure => lines.extend(offers),
            _ => lines.extend(script.offers.iter().filter(|line| !secure || **line != "STARTTLS")),
        }
        let last = lines.len() - 1;
        let reply: Vec<String> =
            lines.iter().enumerate().map(|(i, line)| format!("250{}{line}", if i == last { ' ' } else { '-' })).collect();
        reply.join("\r\n")
    }

    fn act(&self, stage: &'static str) -> Option<Act> {
        self.script.lock().unwrap().acts.get_mut(stage)?.pop_front()
    }

    async fn answer<S: Bytes>(&self, io: &mut BufReader<S>, stage: &'static str, usual: &str) -> bool {
        self.answer_taken(io, stage, usual).await.0
    }

    /// Whether to go on, and whether the answer was a 2xx or 3xx.
    async fn answer_taken<S: Bytes>(&self, io: &mut BufReader<S>, stage: &'static str, usual: &str) -> (bool, bool) {
        let good = |words: &str| words.starts_with(['2', '3']);
        match self.act(stage) {
            None => (self.say(io, usual).await, good(usual)),
            Some(Say(words)) => (self.say(io, words).await, good(words)),
            Some(SayThenDrop(words)) => {
                self.say(io, words).await;
                (false, false)
            }
            Some(Drop) => (false, false),
            Some(Hold) => {
                self.release.acquire().await.unwrap().forget();
                (self.say(io, usual).await, good(usual))
            }
            Some(Silence) => {
                std::future::pending::<()>().await;
                (false, false)
            }
        }
    }

    async fn say<S: Bytes>(&self, io: &mut BufReader<S>, words: &str) -> bool {
        let io = io.get_mut();
        io.write_all(format!("{words}\r\n").as_bytes()).await.is_ok() && io.flush().await.is_ok()
    }
}
