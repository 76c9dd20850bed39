//! What extends the API: `CustomResourceDefinition` and `APIService`.
//!
//! In: the object. Out: whether requests for what it adds can be made yet. Steps that create objects of the new kinds
//! wait for this.

use super::Health;
use super::live::{Live, Truth};

/// Established, unless another definition has its names.
pub(super) fn definition(live: &Live<'_>) -> Health {
    if let Some(behind) = live.behind() {
        return behind;
    }
    if let Some(names) = live.condition("NamesAccepted").filter(|names| names.truth == Truth::False) {
        return Health::failed(&format!("CRD names have not been accepted: {}", names.message));
    }
    match live.condition("Established") {
        Some(established) if established.truth == Truth::True => Health::healthy("CRD is healthy"),
        Some(established) => Health::progressing(&format!("CRD is not established: {}", established.message)),
        None => Health::progressing("Status conditions not found"),
    }
}

/// Available once the server behind it answers; that may be a workload of a later step, so failing to is not final.
pub(super) fn api_service(live: &Live<'_>) -> Health {
    match live.condition("Available") {
        Some(available) if available.truth == Truth::True => Health::healthy(&available.says()),
        Some(available) => Health::progressing(&available.says()),
        None => Health::progressing("Waiting to be processed"),
    }
}
