//! Tests that look at beckon from outside: the house's own rules, and ports against their real peers.
//! One binary, because every further one would link everything again.

mod crash;
mod tidy;
