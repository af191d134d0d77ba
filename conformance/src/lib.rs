//! Holds any deployment against the contract.
