//! The suite, held against a second implementation, a deployment that already runs, and servers that are broken.

mod broken;
mod other;
mod script;
mod staging;
mod suite;
