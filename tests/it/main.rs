//! Tests that look at beckon from outside: the house's own rules, the documents, and ports against
//! their real peers.
//! One binary, because every further one would link everything again.

mod browser;
mod cli;
mod contract;
mod crash;
mod docs;
mod script_tests;
mod serve;
mod shell;
mod terminal;
mod tidy;
