//! What commands that talk to AWS share.

use super::Stop;
use crate::deploy::aws::Problem;

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::failure(format!("error: {problem}"))
    }
}

/// Runs a command's conversation with AWS to its end.
pub(super) fn block_on<T>(conversation: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| Stop::failure(format!("error: cannot start: {e}")))?.block_on(conversation)
}
