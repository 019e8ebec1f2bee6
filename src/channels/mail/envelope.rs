//! Who a letter is from and for, as a mail server is told.

use lettre::Address;

use crate::domain::mail_address::MailAddress;
use crate::ports::mail::Letter;

#[derive(Clone, Debug)]
pub(super) struct Envelope {
    pub from: Address,
    pub to: Address,
    /// A local part needs Unicode, and with it a server that offers SMTPUTF8.
    pub international: bool,
}

impl Envelope {
    /// The envelope of a letter; reports about it go to `bounces_to`, or to its sender. Domains in their ASCII form (IDNA), which every server takes.
    ///
    /// # Errors
    /// Which address can't be written in ASCII, in words.
    pub fn of(letter: &Letter, bounces_to: Option<&MailAddress>) -> Result<Self, String> {
        let sender = bounces_to.unwrap_or(&letter.from.address);
        let from = for_wire(sender)?;
        let to = for_wire(&letter.to)?;
        let international = sender.local_is_international() || letter.to.local_is_international();
        Ok(Self { from, to, international })
    }

    /// The recipient's domain, lower case, in its ASCII form.
    pub fn domain(&self) -> String {
        self.to.domain().to_ascii_lowercase()
    }
}

/// An address with its domain in ASCII.
pub(super) fn for_wire(address: &MailAddress) -> Result<Address, String> {
    let domain = address.domain();
    let local = address.as_str().rsplit_once('@').map_or("", |(local, _)| local);
    let ascii = if domain.is_ascii() {
        domain.to_owned()
    } else {
        idna::domain_to_ascii(domain).map_err(|_| format!("\"{domain}\" is not a name that DNS can hold"))?
    };
    // `MailAddress` has checked what lettre would check again, and takes local parts that it refuses.
    Ok(Address::new_dangerous(local, ascii))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn international_domains_travel_in_ascii_and_local_parts_as_they_are() {
        let check = |written: &str, wire: &str| {
            assert_eq!(for_wire(&MailAddress::parse(written).unwrap()).unwrap().to_string(), wire);
        };
        check("ana@b\u{fc}cher.example", "ana@xn--bcher-kva.example");
        check("jos\u{e9}@b\u{fc}cher.example", "jos\u{e9}@xn--bcher-kva.example");
        check("o'brien+x@Sunnyside.example", "o'brien+x@Sunnyside.example");
    }

    #[test]
    fn a_domain_that_dns_cannot_hold_is_an_error() {
        // A combining mark can't begin a label.
        let odd = MailAddress::parse("ana@\u{301}x.example").unwrap();
        assert!(for_wire(&odd).is_err());
    }
}
