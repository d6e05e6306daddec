//! The pages of `docs/` as documentation tests: each block of Rust in the book is compiled, and run unless it says
//! `no_run`. Guides and READMEs are tested in their own crates; `cargo xtask check` finds a page that is missing here.

/// Names the pages.
macro_rules! pages {
    ($($name:ident: $page:literal,)*) => {
        $(
            #[cfg(doctest)]
            #[doc = include_str!(concat!("../../docs/", $page))]
            pub mod $name {}
        )*
    };
}

pages! {
    console: "adapters/console.md",
    first_message: "start/first-message.md",
    from_one_to_many: "from-one-process-to-many.md",
    instead_of_spawn: "recipes/instead-of-spawn.md",
    memory: "adapters/memory.md",
    password_reset: "recipes/password-reset.md",
    personal_data: "personal-data.md",
    receipt: "recipes/receipt.md",
    without_engine: "recipes/without-engine.md",
}
