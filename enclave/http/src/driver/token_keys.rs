//! Keys of token issuers, which the primary has itself store.

use coco_app::Response;
use coco_node::{
    Mount,
    token_keys::{Failure, Fetch, Refresh, call_of_itself},
};
use coco_tables::Tables;

use super::Driver;

impl Driver {
    /// Waits until an issuer of tokens was set or removed.
    pub async fn issuers_written(&self) {
        self.0.issuers.notified().await;
    }

    /// What is to be asked of each issuer whose keys are to be fetched, or why that is of no use. Only the primary asks.
    #[must_use]
    pub fn keys_to_fetch(&self) -> Vec<(String, Result<Fetch, Failure>)> {
        let state = self.0.view.state();
        if state.primary { Fetch::due(&Tables::default(), &state.latest) } else { Vec::new() }
    }

    /// Has the node store keys that were fetched; none counts as a failure.
    pub fn store_keys(&self, refresh: Option<&Refresh>) -> Response {
        let shared = &self.0.view.shared;
        let response = self.execute(Mount::Node, &call_of_itself(&shared.keys, refresh));
        shared.refreshing.count(response.status.is_success());
        response
    }

    /// Wakes who waits for issuers.
    pub(super) fn tell_of_issuers(&self) {
        if self.0.view.shared.refreshing.take_written() {
            self.0.issuers.notify_one();
        }
    }
}
