//! Types that hold what people have written, or texts of documents, show none of it where they are formatted: nothing that a log,
//! a panic or an error could print. None of them has a `Display`.

/// `Debug` for a type: the fields that may be shown, and those that may not, which are told by `..` alone. A new field compiles
/// only when it stands in one of the lists.
macro_rules! redacted {
    ($type:ty { $($shown:ident),* $(,)? } hides { $($hidden:ident),+ $(,)? }) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let Self { $($shown,)* $($hidden: _,)+ } = self;
                let mut told = f.debug_struct(stringify!($type));
                $(told.field(stringify!($shown), $shown);)*
                told.finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use redacted;

#[cfg(test)]
mod tests;
