//! Gapless itself is replaced.

use super::Api;
use super::answer::Answer;
use crate::upgrade;
use axum::Json;
use axum::extract::State;
use gapless_api::request::{UpgradeAnswer, UpgradeRequest};
use std::path::Path;

/// Answers when the keeper is the new program; control ends right after.
pub(super) async fn upgrade(State(api): State<Api>, Json(to): Json<UpgradeRequest>) -> Answer<UpgradeAnswer> {
    // One after the other, and no file is half applied when control ends.
    let _alone = api.applying.lock().await;
    let answer = upgrade::prepare(Path::new(&to.program), &api.desk, &api.journal, &api.home).await?;
    if !answer.runs_already {
        // A control that is ending already makes room as well.
        let _ = api.ends.send(super::End::Upgrade(to.program.into())).await;
    }
    Ok(Json(answer))
}
