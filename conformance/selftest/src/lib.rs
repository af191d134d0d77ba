//! Nothing but tests: the suite's own harness leaves no room for them in `conformance`, so they stand here and talk to its
//! program as anybody would.
