//! Raw limits that other people's tools set: `smtp-source` and `smtp-sink` of postfix, `h2load` of
//! nghttp2, `sqlite3`.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::child::{Server, Spent, installed, run};

/// Why a row is skipped, where something is missing.
pub fn missing(programs: &[(&str, &str)]) -> Option<String> {
    let missing: Vec<String> = programs
        .iter()
        .filter(|(p, _)| !installed(p))
        .map(|(p, package)| format!("{p} is not installed (package {package})"))
        .collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

/// Sends so many letters of so many bytes over so many connections that stay open.
pub fn smtp_source(to: &str, connections: usize, letters: usize, bytes: usize) -> Spent {
    let mut command = Command::new("smtp-source");
    command.args(["-d", "-N", "-f", "it@sunnyside.example", "-t", "user@sunnyside.example", "-M", "bench.sunnyside.example"]);
    command.args(["-s", &connections.to_string(), "-m", &letters.to_string(), "-l", &bytes.to_string(), to]);
    run(&mut command)
}

/// `smtp-sink`, which keeps what it took in a folder, for the truth. One for each timed run.
pub struct Sink {
    pub address: String,
    folder: PathBuf,
    _server: Server,
}

impl Sink {
    pub fn start(dir: &Path) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let address = free_address();
        let folder = dir.join("taken");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("the target folder can be written");
        // The sink gives its privileges away before it opens a file.
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).expect("it is our folder");
        let mut command = Command::new("smtp-sink");
        // SAFETY: it only asks who we are.
        if unsafe { libc::geteuid() } == 0 {
            command.args(["-u", "nobody"]);
        }
        command.arg("-D").arg(folder.join("mail-")).args([&address.to_string(), "1000"]).stdin(Stdio::null());
        let server = Server(command.spawn().expect("smtp-sink is installed"));
        wait_for(address);
        Self { address: address.to_string(), folder, _server: server }
    }

    /// How many letters were taken, how many of their Message-IDs came more than once, and how many
    /// bytes an average letter has.
    pub fn truth(&self) -> (usize, usize, usize) {
        let mut ids: Vec<Vec<u8>> = Vec::new();
        let mut bytes = 0;
        for entry in std::fs::read_dir(&self.folder).expect("our folder").flatten() {
            let text = std::fs::read(entry.path()).expect("the sink's file");
            bytes += text.len();
            let lines =
                text.split(|b| *b == b'\n').filter(|l| l.get(..11).is_some_and(|n| n.eq_ignore_ascii_case(b"message-id:")));
            ids.extend(lines.map(<[u8]>::to_vec));
        }
        let taken = ids.len();
        ids.sort_unstable();
        ids.dedup();
        (taken, taken - ids.len(), bytes / taken.max(1))
    }
}

/// Requests of one kind over one connection, with so many streams at once.
pub fn h2load(url: &str, streams: usize, requests: usize, body: &Path, headers: &[&str]) -> Spent {
    let mut command = Command::new("h2load");
    command.args(["-c", "1", "-t", "1", "-m", &streams.to_string(), "-n", &requests.to_string()]).arg("-d").arg(body);
    for header in headers {
        command.args(["-H", header]);
    }
    run(command.arg(url))
}

/// Takes CSV files into tables of a new database.
pub fn sqlite3_import(database: &Path, files: &[PathBuf]) -> Spent {
    let _ = std::fs::remove_file(database);
    let mut command = Command::new("sqlite3");
    command.arg(database).arg(".mode csv");
    for file in files {
        let table = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        command.arg(format!(".import {} {table}", file.display()));
    }
    run(&mut command)
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("loopback has a free port")
}

fn wait_for(address: SocketAddr) {
    for _ in 0..500 {
        if TcpStream::connect(address).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("nothing listens at {address}");
}
