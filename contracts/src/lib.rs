//! The contract's model: what people wrote in `openapi.yaml`, `schemas/`, `rules.yaml` and `control.yaml`, read once, linted to a
//! stated keyword profile, and turned into code, cases and change reports.
//!
//! This crate never links what it generates: a broken generated file must not stop the generator.

pub mod catalogue;
pub mod diff;
pub mod generate;
pub mod lint;
pub mod model;
mod pointer;
pub mod requirements;
mod sources;

pub use model::Contract;
pub use sources::{SourceError, Sources};
