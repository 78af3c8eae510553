//! What the API says of itself: an OpenAPI document for each of its versions, and one of all that the node serves.

use coco_app::{
    ApiInfo, Call, Context, Description, Endpoint, Method, Response, RestAdapter, Schema, Status,
    openapi::document,
};

use crate::gate::{ApiVersion, request_of};

/// Title page of a document.
pub(crate) fn info(version: &'static str) -> ApiInfo {
    ApiInfo {
        mount: "/gov",
        title: "Governance API",
        description: "Members propose and decide changes of the service, and see its state.",
        version,
    }
}

/// Adds the endpoint that serves them. Without `api-version` it serves the document of everything, as it does below
/// the other mounts.
pub(crate) fn serve(adapter: RestAdapter, endpoints: &[(ApiVersion, Endpoint)]) -> RestAdapter {
    let of_version = ApiVersion::ALL.map(|version| {
        let offered = endpoints.iter().filter(|(least, _)| *least <= version).map(|(_, endpoint)| endpoint);
        (version, Response::json(Status::OK, &document(&info(version.name()), offered)))
    });
    // The document of everything names this endpoint too.
    let adapter = adapter.with(endpoint(|_, _| Ok(Response::empty(Status::OK))));
    let of_all = Response::json(Status::OK, &adapter.openapi());
    adapter.with(endpoint(move |call, _| {
        if request_of(call).parameter("api-version").is_none() {
            return Ok(of_all.clone());
        }
        let asked = ApiVersion::Preview.asked(call)?;
        let (_, document) = of_version
            .iter()
            .find(|(version, _)| *version == asked)
            .expect("there is a document for each version");
        Ok(document.clone())
    }))
}

fn endpoint(
    handler: impl Fn(&Call, &mut Context<'_>) -> Result<Response, coco_app::Reject> + Send + Sync + 'static,
) -> Endpoint {
    Endpoint::read(Method::Get, "/api", &[], handler).describe(
        Description::json(None, Some(Schema::json()))
            .says("OpenAPI schema", "")
            .optional_query("api-version", Schema::string()),
    )
}
