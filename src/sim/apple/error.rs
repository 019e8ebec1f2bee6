//! Apple's error numbers with the HTTP codes that its documentation gives them.

use crate::domain::time::Timestamp;

/// An answer that says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppleError {
    pub number: i32,
    pub http: u16,
    pub message: &'static str,
    pub client_user_ids: Vec<String>,
    pub retry_after: Option<RetryAfter>,
}

/// The `Retry-After` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    Seconds(i64),
    Date(Timestamp),
}

impl RetryAfter {
    /// As it stands in the header (RFC 9110 10.2.3).
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Seconds(n) => n.to_string(),
            Self::Date(at) => at.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        }
    }
}

impl AppleError {
    /// The error with its documented HTTP code and a text of our own.
    #[must_use]
    pub fn new(number: i32) -> Self {
        let (http, message) = TABLE.iter().find(|(n, ..)| *n == number).map_or((400, "Unknown error"), |(_, h, m)| (*h, *m));
        Self { number, http, message, client_user_ids: Vec::new(), retry_after: None }
    }

    #[must_use]
    pub fn about(mut self, client_user_ids: Vec<String>) -> Self {
        self.client_user_ids = client_user_ids;
        self
    }

    /// The same inside an HTTP success, as the field has seen it.
    #[must_use]
    pub fn as_200(mut self) -> Self {
        self.http = 200;
        self
    }
}

/// Every number that the simulator answers: what `service/config` lists.
pub const TABLE: &[(i32, u16, &str)] = &[
    (9601, 401, "Login required"),
    (9602, 400, "Invalid argument"),
    (9603, 500, "Internal error"),
    (9609, 400, "Unable to find the registered user"),
    (9621, 401, "The content token has expired"),
    (9622, 401, "Invalid authentication token"),
    (9625, 401, "The content token has been revoked"),
    (9634, 410, "The service is no longer available at this address"),
    (9635, 400, "The Managed Apple Account can't be associated"),
    (9641, 400, "The Apple Account is already associated with another user"),
    (9644, 400, "The service is in maintenance"),
    (9646, 429, "Too many requests for this organization"),
    (9650, 400, "The page index is out of range"),
    (9700, 400, "Too many assets"),
    (9701, 400, "Too many client user ids"),
    (9702, 400, "Too many serial numbers"),
    (9703, 400, "Duplicate assets"),
    (9704, 400, "Duplicate client user ids"),
    (9705, 400, "Duplicate serial numbers"),
    (9706, 400, "The asset is not revocable"),
    (9708, 400, "Unknown event id"),
    (9709, 400, "Not enough licences"),
    (9710, 400, "The notification URL and its token must come together"),
    (9711, 400, "The notification token is too long"),
    (9712, 400, "The notification URL is not valid"),
    (9713, 400, "The mdmInfo metadata is too long"),
    (9714, 400, "Too many users in the request"),
    (9715, 400, "Duplicate users in the request"),
    (9716, 400, "A user with this client user id already exists"),
    (9717, 400, "The e-mail address is not valid"),
    (9718, 400, "Assets are missing"),
    (9719, 400, "Client user ids or serial numbers are missing"),
    (9720, 400, "Users are missing"),
    (9721, 400, "The version id is not valid"),
    (9722, 401, "The Authorization header is not valid"),
    (9723, 400, "mdmInfo needs an id, a name and metadata"),
    (9724, 400, "The mdmInfo id is too long"),
    (9725, 400, "The mdmInfo name is too long"),
    (9726, 405, "The method is not supported"),
    (9727, 415, "The content type is not supported"),
    (9728, 400, "The notification URL can't be reached"),
    (9729, 503, "The service is temporarily unavailable"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::from_millis;

    #[test]
    fn headers_in_both_forms() {
        assert_eq!(RetryAfter::Seconds(12).text(), "12");
        assert_eq!(RetryAfter::Date(from_millis(784_111_777_000)).text(), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(AppleError::new(9621).http, 401);
        assert_eq!(AppleError::new(9622).as_200().http, 200);
    }
}
