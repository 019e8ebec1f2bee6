//! Finding out which host takes a domain's mail.

use std::net::IpAddr;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::RData;
use tokio::sync::OnceCell;

use crate::ports::Answer;

/// One MX record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanger {
    /// Lower is tried first.
    pub preference: u16,
    /// Without a trailing dot; empty for the root, which says "no mail here" (RFC 7505).
    pub host: String,
}

/// Why a lookup brought no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupFault {
    /// DNS says for sure that the name doesn't exist.
    NoSuchName,
    /// No answer could be had; another time it may.
    Failed(String),
}

/// Names to mail exchangers and addresses.
pub trait Resolve: Send + Sync {
    /// MX records of a domain (in ASCII). Empty: the domain exists and has none.
    fn exchangers(&self, domain: String) -> Answer<'_, Result<Vec<Exchanger>, LookupFault>>;

    /// Addresses of a host. Empty: it exists and has none.
    fn addresses(&self, host: String) -> Answer<'_, Result<Vec<IpAddr>, LookupFault>>;
}

/// The machine's own resolver configuration, read at the first question; answers are kept as long
/// as DNS says.
#[derive(Default)]
pub struct SystemResolver {
    resolver: OnceCell<TokioResolver>,
}

impl SystemResolver {
    async fn resolver(&self) -> Result<&TokioResolver, LookupFault> {
        self.resolver.get_or_try_init(|| async { TokioResolver::builder_tokio()?.build() }).await.map_err(|e: NetError| fault(&e))
    }
}

impl Resolve for SystemResolver {
    fn exchangers(&self, domain: String) -> Answer<'_, Result<Vec<Exchanger>, LookupFault>> {
        Box::pin(async move {
            match self.resolver().await?.mx_lookup(absolute(&domain)).await {
                Ok(found) => Ok(found
                    .answers()
                    .iter()
                    .filter_map(|record| match &record.data {
                        RData::MX(mx) => Some(Exchanger {
                            preference: mx.preference,
                            host: mx.exchange.to_ascii().trim_end_matches('.').to_ascii_lowercase(),
                        }),
                        _ => None,
                    })
                    .collect()),
                Err(e) if e.is_no_records_found() && !e.is_nx_domain() => Ok(Vec::new()),
                Err(e) => Err(fault(&e)),
            }
        })
    }

    fn addresses(&self, host: String) -> Answer<'_, Result<Vec<IpAddr>, LookupFault>> {
        Box::pin(async move {
            match self.resolver().await?.lookup_ip(absolute(&host)).await {
                Ok(found) => Ok(found.iter().collect()),
                Err(e) if e.is_no_records_found() && !e.is_nx_domain() => Ok(Vec::new()),
                Err(e) => Err(fault(&e)),
            }
        })
    }
}

/// With its final dot a name is complete: this machine's search domains stay out of it.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn fault(e: &NetError) -> LookupFault {
    if e.is_nx_domain() { LookupFault::NoSuchName } else { LookupFault::Failed(e.to_string()) }
}
