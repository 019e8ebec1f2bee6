//! Looking whether mail can leave: a session up to the login, and no letter.

use std::time::Duration;

use super::config::Route;
use super::{MailChannel, Session};
use crate::domain::outcome::{ChannelDown, Outcome};
use crate::ports::look::{Found, Looked};

/// For everything together; a server that is slower than this is worth being told about.
const WITHIN: Duration = Duration::from_secs(25);

const BLOCKED: &str = "many providers block port 25: ask yours to open it for this machine, or let your provider's \
                       mail server deliver and name it as `relay` under [mail] in site.toml";

impl MailChannel {
    pub(super) async fn look_at(&self, domain: &str) -> Looked {
        let opened = async {
            let session = match &self.route {
                Route::Relay { host, port, security, .. } => self.open_relay(host, *port, *security).await,
                Route::Direct { port } => self.open_exchanger(domain, *port, "doctor").await.map_err(Ok),
            };
            let session = session.map_err(|instead| self.fault(instead))?;
            let words = self.words(&session, domain);
            session.quit().await;
            Ok(Found { words, ..Found::default() })
        };
        tokio::time::timeout(WITHIN, opened).await.unwrap_or_else(|_| {
            let words = format!("no session within {} seconds", WITHIN.as_secs());
            Err(self.fault(Ok(Outcome::Deferred { retry_after: None, words })))
        })
    }

    fn words(&self, session: &Session, domain: &str) -> String {
        match (&self.route, &self.credentials) {
            (Route::Relay { host, port, .. }, Some(_)) => format!("{host}:{port} answers and takes our login"),
            (Route::Relay { host, port, .. }, None) => format!("{host}:{port} answers"),
            (Route::Direct { port }, _) => format!("{} answers on port {port} for {domain}", session.host),
        }
    }

    /// Why there is no session; a letter would have waited, and a person wants to know.
    fn fault(&self, instead: Result<Outcome, ChannelDown>) -> ChannelDown {
        let what = match instead {
            Err(down) => return down,
            Ok(Outcome::Deferred { words, .. } | Outcome::Rejected { words, .. }) => words,
            Ok(Outcome::Accepted { words } | Outcome::Doubtful { words }) => words,
        };
        let remedy = match &self.route {
            Route::Relay { .. } => "see what the mail server's own log says, or try again later",
            Route::Direct { .. } => BLOCKED,
        };
        ChannelDown { what, remedy: remedy.to_owned(), retry_after: None }
    }
}
