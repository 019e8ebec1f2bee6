//! The port's requests, one method each: what goes out, to which address, and who reads the answer.

use std::sync::PoisonError;

use secrecy::SecretString;

use super::owner::Whose;
use super::requests::{self, Fields};
use super::service_config::Endpoint;
use super::wire::Request;
use super::{AppsAndBooksClient, bodies, error, invitation_link, licences};
use crate::domain::time::Span;
use crate::ports::Answer;
use crate::ports::apps_and_books::{
    AppsAndBooks, AssetPage, AssignmentPage, AssignmentQuery, CallErrorKind, Called, EventStatus, HandOut, Owner, ServiceLimits,
    Subscription, Unit, UserPage, UserQuery, UserRequest,
};

impl AppsAndBooks for AppsAndBooksClient {
    fn limits(&self) -> Answer<'_, Called<ServiceLimits>> {
        Box::pin(async move {
            self.owner.pass()?;
            Ok(self.service().await?.limits)
        })
    }

    fn unit(&self) -> Answer<'_, Called<Unit>> {
        Box::pin(self.ask(Endpoint::ClientConfig, Request::Get(Vec::new()), bodies::unit))
    }

    fn claim(&self, owner: Owner) -> Answer<'_, Called<Unit>> {
        Box::pin(async move {
            let request = Request::Post(requests::client_config_request(&owner));
            // Not stopped by another owner: this is how somebody decides.
            let unit = self.ask_as(Whose::Claims, Endpoint::ClientConfig, request, bodies::unit).await?;
            let Some(found) = &unit.owner else {
                return Err(error::of(CallErrorKind::Refused, "Apple took the claim, but names no owner of the unit"));
            };
            let session = self.owner.expect(&owner);
            self.owner.judge(session, found)?;
            Ok(unit)
        })
    }

    fn ahead(&self) -> Option<Span> {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expect_owner(&self, owner: Owner) {
        self.owner.expect(&owner);
    }

    fn create_users(&self, users: Vec<UserRequest>) -> Answer<'_, Called<String>> {
        Box::pin(self.write_users(Endpoint::CreateUsers, users, Fields::All))
    }

    fn update_users(&self, users: Vec<UserRequest>) -> Answer<'_, Called<String>> {
        Box::pin(self.write_users(Endpoint::UpdateUsers, users, Fields::All))
    }

    fn retire_users(&self, users: Vec<UserRequest>) -> Answer<'_, Called<String>> {
        Box::pin(self.write_users(Endpoint::RetireUsers, users, Fields::Id))
    }

    fn event(&self, event_id: String) -> Answer<'_, Called<EventStatus>> {
        let words = |number, message: Option<&str>| error::words(number, 200, message, &self.bearer);
        let read = move |body: &[u8]| bodies::event(body, words);
        Box::pin(self.ask(Endpoint::Status, Request::Get(vec![("eventId", event_id)]), read))
    }

    fn users(&self, query: UserQuery) -> Answer<'_, Called<UserPage>> {
        Box::pin(async move {
            let asked = query.page.unwrap_or(0);
            self.ask(Endpoint::Users, Request::Get(requests::users_query(query)?), |body| bodies::user_page(body, asked)).await
        })
    }

    fn assets(&self, page: Option<u32>) -> Answer<'_, Called<AssetPage>> {
        let asked = page.unwrap_or(0);
        let read = move |body: &[u8]| bodies::asset_page(body, asked);
        Box::pin(self.ask(Endpoint::Assets, Request::Get(requests::page_query(asked)), read))
    }

    fn hand_out(&self, what: HandOut) -> Answer<'_, Called<String>> {
        Box::pin(async move {
            self.owner.pass()?;
            let most = self.service().await?.limits.holders_per_request;
            if what.client_user_ids.len() > most {
                let words = format!("{} people are too many for one request; Apple takes {most}", what.client_user_ids.len());
                return Err(error::of(CallErrorKind::TooMany, words));
            }
            self.ask(Endpoint::AssociateAssets, Request::Post(licences::associate_request(&what)?), bodies::event_id).await
        })
    }

    fn assignments(&self, query: AssignmentQuery) -> Answer<'_, Called<AssignmentPage>> {
        Box::pin(async move {
            let asked = query.page.unwrap_or(0);
            let request = Request::Get(licences::assignments_query(query)?);
            self.ask(Endpoint::Assignments, request, |body| licences::assignment_page(body, asked)).await
        })
    }

    fn subscribe(&self, to: Subscription) -> Answer<'_, Called<()>> {
        Box::pin(async move {
            let request = Request::Post(requests::subscription_request(&to));
            let unit = self.ask(Endpoint::ClientConfig, request, bodies::unit).await?;
            if unit.notification_url.as_deref() == Some(to.url.as_str()) {
                return Ok(());
            }
            Err(error::of(CallErrorKind::Refused, "Apple took the subscription, but names another address for notifications"))
        })
    }

    fn invitation_url(&self, code: &SecretString) -> Answer<'_, Called<SecretString>> {
        let code = code.clone();
        Box::pin(async move {
            self.owner.pass()?;
            let service = self.service().await?;
            let refused = |words: String| error::of(CallErrorKind::Refused, words);
            let template =
                service.invitation.as_deref().ok_or_else(|| refused(invitation_link::NoLink::NoPlaceholder.to_string()))?;
            invitation_link::fill(template, &code).map_err(|e| refused(e.to_string()))
        })
    }
}

impl AppsAndBooksClient {
    /// `users/create`, `users/update`, `users/retire`.
    async fn write_users(&self, endpoint: Endpoint, users: Vec<UserRequest>, fields: Fields) -> Called<String> {
        self.owner.pass()?;
        let users = requests::without_repetitions(users)?;
        let most = self.service().await?.limits.users_per_request;
        if users.len() > most {
            let words = format!("{} users are too many for one request; Apple takes {most}", users.len());
            return Err(error::of(CallErrorKind::TooMany, words));
        }
        self.ask(endpoint, Request::Post(requests::users_request(&users, fields)), bodies::event_id).await
    }
}
