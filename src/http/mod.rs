//! What the world tells us: webhooks of MDM servers.
//! Requests are checked here and handed to the host; nothing here writes the store.
