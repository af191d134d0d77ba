//! The way back: the schema derived from each generated type equals the schema in the contract, keyword by keyword.

mod normal;
mod types;
