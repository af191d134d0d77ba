//! The index against its store: pages, refreshes, damage, joins.
