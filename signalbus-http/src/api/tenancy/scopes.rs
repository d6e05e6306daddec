use signalbus_core::directory::keys::Scope;

/// What a handler needs, as a type: it stands in the signature of the handler.
pub(crate) trait Needs: Send + Sync + 'static {
    /// The scope that a key must have.
    const SCOPE: Scope;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;

            impl Needs for $name {
                const SCOPE: Scope = Scope::$name;
            }
        )*
    };
}

needs! {
    /// Publish and plan.
    Publish,
    /// Look.
    Read,
    /// Cancel, redrive, suppress.
    Operate,
    /// Manage.
    Admin,
    /// Say what providers said.
    Receipts,
}
