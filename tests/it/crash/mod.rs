//! The program as a process that is killed, meets a full disk, or shares its site with another one. After
//! each of them nothing is lost, nothing is sent twice, and what nobody can know is told by name.
//!
//! The far sides are the simulated world, served on loopback by the test itself: it counts what it was
//! handed, and lets a test kill the program between two bytes of an exchange.

mod check;
mod child;
mod files;
mod full_disk;
mod kill;
mod many_points;
mod site;
mod two_processes;
mod writes;
