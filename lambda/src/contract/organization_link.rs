//! What connects a member of an organization with the administering account.

use crate::{contract::event_bus_arn::EventBusArn, model::account_id::AccountId};

/// What a member's function knows of its place in the organization.
///
/// `Bus` and `Account` are references into the template in `synth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationLink<Bus = EventBusArn, Account = AccountId> {
    /// The central event bus. It gets the notices, and one event about each run over all users.
    pub bus: Bus,
    /// The account of the member itself. The topic and the bus are in another account.
    pub account: Account,
}
