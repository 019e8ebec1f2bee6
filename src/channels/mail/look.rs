//! Looking whether mail can leave: a session up to the login, and no letter.

use std::time::Duration;

use super::config::Route;
use super::reply::show_words;
use super::resolve::LookupFault;
use super::{MailChannel, Session};
use crate::domain::outcome::{ChannelDown, Outcome};
use crate::ports::look::{Found, Looked};

/// For everything together; a server that is slower than this is worth being told about.
const WITHIN: Duration = Duration::from_secs(25);

const BLOCKED: &str = "many providers block port 25: ask yours to open it for this machine, or let your provider's \
                       mail server deliver and name it as `relay` under [mail] in site.toml";
const NO_MAIL_THERE: &str = "write the domain as it stands behind the @ of an address that gets mail";
const NO_NAMES: &str = "see whether this machine can ask its name server (resolvectl status, or /etc/resolv.conf)";

impl MailChannel {
    pub(super) async fn look_at(&self, domain: &str) -> Looked {
        let opened = async {
            let session = match &self.route {
                Route::Relay { host, port, security, .. } => self.open_relay(host, *port, *security).await,
                Route::Direct { port } => {
                    if let Err(LookupFault::Failed(words)) = self.resolver.exchangers(domain.to_owned()).await {
                        let what = format!("{domain} can't be looked up: {}", show_words(&words));
                        return Err(ChannelDown { what, remedy: NO_NAMES.to_owned(), retry_after: None });
                    }
                    self.open_exchanger(domain, *port, "doctor").await.map_err(Ok)
                }
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
        let (what, takes_none) = match instead {
            Err(down) => return down,
            // What is said of the domain for sure has nothing to do with our port.
            Ok(Outcome::Rejected { words, .. }) => (words, true),
            Ok(Outcome::Deferred { words, .. } | Outcome::Accepted { words } | Outcome::Doubtful { words }) => (words, false),
        };
        let remedy = match &self.route {
            Route::Relay { .. } => "see what the mail server's own log says, or try again later",
            Route::Direct { .. } if takes_none => NO_MAIL_THERE,
            Route::Direct { .. } => BLOCKED,
        };
        ChannelDown { what, remedy: remedy.to_owned(), retry_after: None }
    }
}
