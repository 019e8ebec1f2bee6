//! The templates that come with the program: plain files, so that a site can take them over.

macro_rules! files {
    ($($file:literal)*) => {
        &[$(($file, include_str!(concat!("shipped/", $file)))),*]
    };
}

pub(super) const SHIPPED: &[(&str, &str)] = files! {
    "invitation.de.mjml"
    "invitation.de.txt"
    "invitation.en.mjml"
    "invitation.en.txt"
    "invitation.fr.mjml"
    "invitation.fr.txt"
    "invitation.nl.mjml"
    "invitation.nl.txt"
    "last-call.de.mjml"
    "last-call.de.txt"
    "last-call.en.mjml"
    "last-call.en.txt"
    "last-call.fr.mjml"
    "last-call.fr.txt"
    "last-call.nl.mjml"
    "last-call.nl.txt"
    "message.de.mjml"
    "message.de.txt"
    "message.en.mjml"
    "message.en.txt"
    "message.fr.mjml"
    "message.fr.txt"
    "message.nl.mjml"
    "message.nl.txt"
    "reminder.de.mjml"
    "reminder.de.txt"
    "reminder.en.mjml"
    "reminder.en.txt"
    "reminder.fr.mjml"
    "reminder.fr.txt"
    "reminder.nl.mjml"
    "reminder.nl.txt"
};
