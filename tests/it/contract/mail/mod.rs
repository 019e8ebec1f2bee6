//! The mail port: what becomes of a letter, and what a mailbox holds afterwards.

mod came_back;
mod letters;
mod line;
mod postfix;
mod promises;
mod real_mail;
mod worlds;
