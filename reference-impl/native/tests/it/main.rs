//! The program as a whole, and its stores under a kill.

mod control;
mod kill;
mod program;
mod serve;
