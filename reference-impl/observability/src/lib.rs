//! Dashboards, alert rules, their unit tests and the operators' pages, made of one table of panels and one of alerts.

pub mod files;
mod grafana;
mod pages;
pub mod queries;
mod rule_tests;
mod rules;
pub mod tables;

pub use tables::{TableError, Tables};
