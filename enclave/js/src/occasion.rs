//! The call of an application while it is executed.

use std::sync::Arc;

use coco_app::{Call, Historical, Services};

use crate::application::endpoint::Endpoint;

/// What native functions may look at while a call is executed.
pub(crate) struct Occasion<'a> {
    /// What is asked.
    pub(crate) call: &'a Call,
    /// The endpoint that it asks for.
    pub(crate) endpoint: &'a Endpoint,
    /// What the node offers.
    pub(crate) services: &'a dyn Services,
    /// The transaction that it reads, if it is historical.
    pub(crate) historical: Option<&'a Arc<Historical>>,
}
