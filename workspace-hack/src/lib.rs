//! Nothing: this crate is there for the features of its dependencies, which `.config/hakari.toml` explains.
