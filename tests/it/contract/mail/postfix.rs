//! A real Postfix with a configuration of its own, on high ports of loopback, delivering to maildirs.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use beckon::channels::mail::MailChannel;
use beckon::ports::mail::Mail;
use tempfile::TempDir;

use super::letters::{Arrived, mailbox};
use super::promises::PostOffice;
use crate::contract::peers::{Peer, free_port};

/// What Postfix is told to take at most, in bytes.
pub const SIZE_MAX: usize = 300_000;

/// The wait that its greylisting asks for.
pub const GREY_MINUTES: i64 = 5;

/// Who owns the maildirs: nobody, on every Debian.
const NOBODY: u32 = 65_534;

pub struct Postfix {
    folder: TempDir,
    /// `None` while it is stopped.
    master: Option<Peer>,
    pub port: u16,
    /// With TLS from the first byte.
    pub tls_port: u16,
    /// Takes mail for anybody, and finds out later that there is no such mailbox.
    pub late_port: u16,
    /// The certificate that both ports show, which is its own authority.
    pub ca_pem: String,
}

impl Postfix {
    /// Starts one, and returns when it listens.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a place for temporary files");
        // Postfix's parts run as somebody else, who has to get in.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        let chain = format!("{}{}", made.signing_key.serialize_pem(), made.cert.pem());
        let mut postfix = Self { folder, master: None, port: 0, tls_port: 0, late_port: 0, ca_pem: made.cert.pem() };
        postfix.make_folders();
        postfix.write("chain.pem", &chain);
        postfix.write("mailboxes", &mailboxes());
        postfix.write("closed", &format!("{} REJECT we take no mail from you\n", mailbox::CLOSED));
        let policy = greylisting();
        postfix.write("main.cf", &postfix.main_cf(policy));
        // Somebody else may take a port between looking and listening.
        for _ in 0..5 {
            (postfix.port, postfix.tls_port, postfix.late_port) = (free_port(), free_port(), free_port());
            match postfix.run() {
                Ok(()) => return postfix,
                Err(said) if said.contains("Address already in use") => {}
                Err(said) => panic!("Postfix doesn't start: {said}"),
            }
        }
        panic!("every port was taken at once");
    }

    /// Ends it; its queue and its mailboxes stay.
    pub fn stop(&mut self) {
        self.master = None;
    }

    /// Starts it again on the same ports.
    pub fn start_again(&mut self) {
        self.run().expect("it ran before");
    }

    fn run(&mut self) -> Result<(), String> {
        self.write("master.cf", &self.master_cf());
        let child = Command::new(daemons().join("master"))
            // Its log goes to standard output. It makes a session of its own, and ends its parts with itself.
            .args(["-s", "-c"])
            .arg(self.folder.path().join("conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let master = Peer::watch_both(child);
        master.said.wait_for(&["daemon started"])?;
        self.master = Some(master);
        Ok(())
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join("conf").join(name), text).unwrap();
    }

    /// As Debian's package makes them (postfix-files(5)).
    fn make_folders(&self) {
        let (postfix, postdrop) = (id_in("/etc/passwd", "postfix"), id_in("/etc/group", "postdrop"));
        let make = |name: &str, mode: u32, owner: Option<u32>, group: Option<u32>| {
            let path = self.folder.path().join(name);
            fs::create_dir_all(&path).unwrap();
            chown(&path, owner, group).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        for name in ["conf", "queue", "queue/pid"] {
            make(name, 0o755, None, None);
        }
        for name in ["incoming", "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "private", "saved", "trace"]
        {
            make(&format!("queue/{name}"), 0o700, Some(postfix), None);
        }
        make("queue/maildrop", 0o1730, Some(postfix), Some(postdrop));
        make("queue/public", 0o2710, Some(postfix), Some(postdrop));
        make("data", 0o700, Some(postfix), None);
        make("mail", 0o755, Some(NOBODY), Some(NOBODY));
    }

    fn main_cf(&self, policy: u16) -> String {
        let folder = self.folder.path().display();
        format!(
            "compatibility_level = 3.6\n\
             queue_directory = {folder}/queue\n\
             data_directory = {folder}/data\n\
             mail_owner = postfix\n\
             setgid_group = postdrop\n\
             maillog_file = /dev/stdout\n\
             inet_interfaces = 127.0.0.1\n\
             inet_protocols = ipv4\n\
             myhostname = mail.sunnyside.example\n\
             mydestination =\n\
             alias_maps =\n\
             local_recipient_maps =\n\
             mynetworks = 127.0.0.0/8\n\
             smtpd_peername_lookup = no\n\
             in_flow_delay = 0\n\
             smtpd_error_sleep_time = 0\n\
             smtputf8_enable = yes\n\
             message_size_limit = {SIZE_MAX}\n\
             virtual_mailbox_domains = sunnyside.example xn--bcher-kva.example\n\
             virtual_mailbox_base = {folder}/mail\n\
             virtual_mailbox_maps = texthash:{folder}/conf/mailboxes\n\
             virtual_uid_maps = static:{NOBODY}\n\
             virtual_gid_maps = static:{NOBODY}\n\
             smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{policy},\n \
              check_recipient_access texthash:{folder}/conf/closed, reject_unauth_destination\n\
             smtpd_tls_security_level = may\n\
             smtpd_tls_chain_files = {folder}/conf/chain.pem\n\
             smtpd_tls_received_header = yes\n"
        )
    }

    fn master_cf(&self) -> String {
        let (port, tls_port, late_port) = (self.port, self.tls_port, self.late_port);
        format!(
            "127.0.0.1:{port} inet n - n - - smtpd\n\
             127.0.0.1:{tls_port} inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n\
             127.0.0.1:{late_port} inet n - n - - smtpd\n  -o smtpd_reject_unlisted_recipient=no\n\
             cleanup unix n - n - 0 cleanup\n\
             qmgr unix n - n 300 1 qmgr\n\
             tlsmgr unix - - n 1000? 1 tlsmgr\n\
             rewrite unix - - n - - trivial-rewrite\n\
             bounce unix - - n - 0 bounce\n\
             defer unix - - n - 0 bounce\n\
             trace unix - - n - 0 bounce\n\
             error unix - - n - - error\n\
             retry unix - - n - - error\n\
             virtual unix - n n - - virtual\n\
             anvil unix - - n - 1 anvil\n\
             postlog unix-dgram n - n - 1 postlogd\n"
        )
    }

    /// The Maildir folder of an address, once Postfix has delivered something to it.
    pub fn maildir_with_mail(&self, address: &str) -> PathBuf {
        let master = self.master.as_ref().expect("a stopped server delivers nothing");
        if let Err(said) = master.said.wait_for(&[&format!("to=<{address}>"), "status=sent"]) {
            panic!("nothing came for {address}: {said}");
        }
        self.folder.path().join("mail").join(maildir(address))
    }

    /// What lies in the mailbox, once what was accepted with these words has left the queue.
    pub fn holds(&self, address: &str, accepted: &[String]) -> Vec<Arrived> {
        let master = self.master.as_ref().expect("a stopped server delivers nothing");
        for words in accepted {
            let id = words.rsplit_once("queued as ").expect("Postfix names its queue file").1.trim();
            if let Err(said) = master.said.wait_for(&[&format!("{id}: removed")]) {
                panic!("{words}: {said}");
            }
        }
        let Ok(entries) = fs::read_dir(self.folder.path().join("mail").join(maildir(address)).join("new")) else {
            return Vec::new();
        };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        // A maildir's names don't sort by time within a second.
        files.sort_by_key(|file| fs::metadata(file).and_then(|meta| meta.modified()).expect("mail stays until it is read"));
        files.iter().map(|file| Arrived(fs::read(file).unwrap())).collect()
    }
}

/// Postfix behind a channel.
pub struct PostfixOffice<'a> {
    pub postfix: &'a Postfix,
    pub mail: MailChannel,
}

impl PostOffice for PostfixOffice<'_> {
    fn mail(&self) -> &dyn Mail {
        &self.mail
    }

    fn holds(&self, address: &str, accepted: &[String]) -> Vec<Arrived> {
        self.postfix.holds(address, accepted)
    }
}

/// Where Postfix keeps its parts.
fn daemons() -> PathBuf {
    let asked = Command::new("postconf").args(["-d", "-h", "daemon_directory"]).stderr(Stdio::null()).output();
    let told = asked.expect("BECKON_REAL_PEERS promises Postfix").stdout;
    Path::new(String::from_utf8_lossy(&told).trim()).to_owned()
}

/// The id of a user or group.
fn id_in(file: &str, name: &str) -> u32 {
    let text = fs::read_to_string(file).unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{name}:"))).expect("Debian's package makes it");
    line.split(':').nth(2).and_then(|id| id.parse().ok()).expect("the third field is the id")
}

/// The maildir of an address: its part before the `@`.
fn maildir(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(local, _)| local)
}

/// Everybody who has a mailbox: all of the contract's, but nobody.
fn mailboxes() -> String {
    let pupils: Vec<String> = (0..mailbox::PUPILS).map(mailbox::pupil).collect();
    let staff = [mailbox::ANA, mailbox::BO, mailbox::CLOSED, mailbox::GREY, mailbox::BOUNCES, "jos\u{e9}@sunnyside.example"];
    let abroad = ["chef@xn--bcher-kva.example"];
    let all = pupils.iter().map(String::as_str).chain(staff).chain(abroad);
    all.map(|address| format!("{address} {}/\n", maildir(address))).collect()
}

/// A greylisting policy server (SMTPD_POLICY_README): the first attempt at [`mailbox::GREY`] has to
/// come again. It listens as long as the test's process runs.
fn greylisting() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked_before = Arc::new(AtomicBool::new(false));
    std::thread::spawn(move || {
        // Every smtpd keeps a line of its own.
        for line in listener.incoming().flatten() {
            let asked_before = asked_before.clone();
            std::thread::spawn(move || answer(line, &asked_before));
        }
    });
    port
}

/// Answers question after question, each a list of attributes that an empty line ends.
fn answer(mut line: TcpStream, asked_before: &AtomicBool) -> std::io::Result<()> {
    let mut grey = false;
    for attribute in BufReader::new(line.try_clone()?).lines() {
        let attribute = attribute?;
        grey |= attribute == format!("recipient={}", mailbox::GREY);
        if attribute.is_empty() {
            let later = format!("450 4.7.1 Greylisted, try again in {GREY_MINUTES} minutes");
            let first = grey && !asked_before.swap(true, Ordering::SeqCst);
            let action = if first { later } else { "DUNNO".to_owned() };
            line.write_all(format!("action={action}\n\n").as_bytes())?;
            grey = false;
        }
    }
    Ok(())
}
