//! The suite, held against a second implementation, a deployment that already runs, and servers that are broken.

#[cfg(test)]
mod broken;
#[cfg(test)]
mod carried;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod coverage;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod interrupted;
#[cfg(test)]
mod other;
#[cfg(test)]
mod probes;
#[cfg(test)]
mod script;
#[cfg(test)]
mod staging;
#[cfg(test)]
mod suite;
