//! What is true: the pure values and rules of a site.
//!
//! Nothing here knows a database, a script engine, a network or a clock; time and ids come in as
//! arguments. Every other room may look in here, and this one looks nowhere.

pub mod alert;
pub mod app;
pub mod approval;
pub mod bounce;
pub mod canary;
pub mod condition;
pub mod content_token;
pub mod delivery;
pub mod departure;
pub mod device;
pub mod grounds;
pub mod group;
pub mod ids;
pub mod intent;
pub mod invitation;
pub mod invite_plan;
pub mod limits;
pub mod mail_address;
pub mod mention;
pub mod misspelt;
pub mod outcome;
pub mod reach;
pub mod reason;
pub mod reminder;
pub mod roster;
pub mod roster_change;
pub mod schedule;
pub mod selection;
pub mod sending;
pub mod taking_out;
pub mod task;
pub mod time;
pub mod user;
pub mod words;
