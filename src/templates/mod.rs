//! The text of messages: templates per language, checked when loaded, rendered when a message leaves.
//! Nothing here knows who gets a message or how it travels.
