use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use super::routes;

/// The frame of the document; routes bring their own parts.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Signalbus",
        description = "Publish events, see what became of them, and manage what a tenant has. Each \
                       request comes with a key, and reads and writes what belongs to the tenant of \
                       that key. A key of the host says whose things it asks for in the header \
                       `Signalbus-Tenant`. Problems are RFC 9457.",
        version = "1",
        license(name = "MIT OR Apache-2.0"),
    ),
    modifiers(&Keys),
    tags(
        (name = "events", description = "Publish, plan, look"),
        (name = "deliveries", description = "What became of events"),
        (name = "operate", description = "Cancel, redrive, suppress"),
        (name = "keys", description = "Keys of this API"),
        (name = "tenants", description = "Tenants, their quotas, and who did what"),
        (name = "recipients", description = "Recipients of a tenant"),
        (name = "templates", description = "Templates of a tenant"),
        (name = "accounts", description = "Accounts of a tenant at providers"),
        (name = "health", description = "Whether it works"),
    )
)]
pub(super) struct Frame;

struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("sbk_…")
            .description(Some("A key of the API"))
            .build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

/// The document of the API: OpenAPI 3.1, as `/openapi.json` serves it.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    of(routes::all().into_openapi())
}

/// The frame, with the parts of these routes.
pub(super) fn of(routes: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    document.merge(routes);
    document
}

/// Names each operation by what it asks, as `get_v1_events_id`: names must be unique, and those of handlers are so in
/// their modules only. Those of a host's own routes are the host's.
pub(super) fn name_operations(document: &mut utoipa::openapi::OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let words = path.split(|letter: char| !letter.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let operations = [
            ("get", &mut item.get),
            ("put", &mut item.put),
            ("post", &mut item.post),
            ("delete", &mut item.delete),
            ("patch", &mut item.patch),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}_{}", words.join("_")));
            }
        }
    }
}
