//! `failure-modes.md`.
