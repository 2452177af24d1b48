//! Another version of Gapless takes over, in this order: it is checked, while nothing is touched; the keeper
//! becomes it in place; control ends and is started again by that keeper, adopts all that runs, and lets a proxy
//! of its own version follow the one that is there. Under a service manager there is no keeper, and control itself
//! becomes the program in place. Until a step is done the former one goes on, and each can be taken back by the same
//! way.

mod copy;
mod file;
pub(crate) mod in_place;
mod succession;

use crate::core::Desk;
use camino::Utf8Path;
use copy::Copy;
use gapless_api::request::{CopyRead, Formats, UpgradeAnswer};
use gapless_api::{ErrorBody, ErrorKind};
use gapless_store::Journal;
use gapless_sys::{fdstore, program};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
pub(crate) use succession::keep_ours;
use tokio::time::{Instant, sleep};

/// How long a program may take to say what it understands.
const ANSWER: Duration = Duration::from_secs(10);

/// The longest answer that is read, in bytes.
const LONGEST: u64 = 4096;

/// How long the keeper may take to become another program.
const BECOME: Duration = Duration::from_secs(10);

/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(5);

/// What this Gapless understands, and what it makes of a copy of a journal if it is given one: one line of JSON.
pub fn formats(copy: Option<&Utf8Path>) -> String {
    serde_json::to_string(&Formats { copy: copy.map(copy::read), ..ours() }).unwrap_or_default()
}

fn ours() -> Formats {
    Formats {
        gapless: env!("CARGO_PKG_VERSION").to_owned(),
        journal: gapless_store::SCHEMA,
        wire: gapless_routing::WIRE,
        copy: None,
    }
}

/// Why nothing came of an upgrade. Nothing was changed by it.
fn refused(program: &Path, what: &str, hint: &str) -> ErrorBody {
    ErrorBody {
        kind: ErrorKind::Failed,
        message: format!("no upgrade to {}: {what}. Nothing was changed", program.display()),
        hint: Some(hint.to_owned()),
        about: None,
    }
}

/// Checks a program and has the keeper become it, if there is one. Control has to make room then.
///
/// # Errors
/// What is wrong with it; nothing has changed.
pub(crate) async fn prepare(
    program: &Path,
    desk: &Desk,
    journal: &Journal,
    home: &Utf8Path,
) -> Result<UpgradeAnswer, ErrorBody> {
    file::check(program)?;
    let copy = Copy::make(journal, home).await.map_err(|error| {
        let what = format!("the journal cannot be copied for it to read: {error}");
        refused(program, &what, "make room in GAPLESS_HOME, then try again")
    })?;
    let formats = ask(program, copy.path()).await?;
    drop(copy);
    judge(program, &formats)?;
    let version = formats.gapless;
    if program::is_run_by(program, std::process::id()) {
        return Ok(UpgradeAnswer { version, runs_already: true });
    }
    if !desk.ask(|core| core.engine.retiring_proxies().len() < MAX_RETIRING).await.unwrap_or(false) {
        let hint =
            "`gapless status --json` names them under retiring_proxies; each ends with its last client";
        return Err(refused(program, "too many former proxies still have clients", hint));
    }
    if let Some(keeper) = crate::keeper_pid() {
        replace_keeper(keeper, program).await?;
    }
    tracing::info!("Gapless {version} ({}) takes over", program.display());
    Ok(UpgradeAnswer { version, runs_already: false })
}

/// Former proxies that may still have clients when another one is to come: each takes memory.
const MAX_RETIRING: usize = 16;

/// Asks a program what it understands, and to read a copy of the journal.
async fn ask(program: &Path, copy: &Utf8Path) -> Result<Formats, ErrorBody> {
    const NO_GAPLESS: &str = "name the file of a Gapless: `gapless upgrade --to FILE`";
    let (named, copy) = (program.to_owned(), copy.to_owned());
    let said = tokio::task::spawn_blocking(move || run(&named, &copy))
        .await
        .map_err(std::io::Error::other)
        .flatten();
    let said = said.map_err(|error| refused(program, &format!("it cannot be run: {error}"), NO_GAPLESS))?;
    let said = said.ok_or_else(|| refused(program, "it did not say what it understands", NO_GAPLESS))?;
    let formats = said.lines().next().and_then(|line| serde_json::from_str(line).ok());
    formats.ok_or_else(|| refused(program, "it is no Gapless, or one from before upgrades", NO_GAPLESS))
}

/// What a program says to that question; none if it takes too long. Blocks.
fn run(program: &Path, copy: &Utf8Path) -> std::io::Result<Option<String>> {
    let mut command = Command::new(program);
    command.args(["internal", "formats", "--journal", copy.as_str()]).env_remove("NOTIFY_SOCKET");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let until = std::time::Instant::now() + ANSWER;
    while child.try_wait()?.is_none() {
        if std::time::Instant::now() >= until {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
    let mut said = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(LONGEST).read_to_end(&mut said)?;
    }
    Ok(Some(String::from_utf8_lossy(&said).into_owned()))
}

/// Whether it understands what we leave to it.
fn judge(program: &Path, theirs: &Formats) -> Result<(), ErrorBody> {
    let ours = ours();
    let version = &theirs.gapless;
    let older = |what: &str, theirs: u32, ours: u32| {
        let what =
            format!("Gapless {version} reads {what} up to format {theirs}, and what is here has {ours}");
        Err(refused(program, &what, "take a version that is not older than the one that runs"))
    };
    if theirs.journal < ours.journal {
        return older("journals", theirs.journal, ours.journal);
    }
    if theirs.wire < ours.wire {
        return older("what proxies say", theirs.wire, ours.wire);
    }
    if let Some(CopyRead::Failed { why }) = &theirs.copy {
        let what = format!("Gapless {version} cannot go on from the journal: {why}");
        return Err(refused(program, &what, "what runs goes on; take another version"));
    }
    Ok(())
}

/// Has the keeper become the program.
async fn replace_keeper(keeper: u32, program: &Path) -> Result<(), ErrorBody> {
    let failed = |what: &str| refused(program, what, "see logs/keeper.log in GAPLESS_HOME");
    let store = fdstore::Store::of_our_parent().ok().flatten();
    let store = store.ok_or_else(|| failed("the keeper cannot be reached"))?;
    store.become_program(program).map_err(|error| failed(&format!("the keeper cannot be told: {error}")))?;
    let until = Instant::now() + BECOME;
    while !program::is_run_by(program, keeper) {
        if Instant::now() >= until {
            return Err(failed("the keeper did not become that program"));
        }
        sleep(LOOK).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_understands_less_than_is_here_is_refused() {
        let path = Path::new("/opt/gapless");
        assert!(judge(path, &ours()).is_ok());
        let newer = Formats {
            journal: ours().journal + 1,
            wire: ours().wire + 1,
            gapless: "9.0.0".into(),
            copy: None,
        };
        assert!(judge(path, &newer).is_ok());
        let older = Formats { journal: ours().journal - 1, gapless: "0.0.9".into(), ..ours() };
        let error = judge(path, &older).unwrap_err();
        assert_eq!(
            error.message,
            format!(
                "no upgrade to /opt/gapless: Gapless 0.0.9 reads journals up to format {}, and what is here has {}. \
                 Nothing was changed",
                ours().journal - 1,
                ours().journal
            )
        );
        let deaf = Formats { wire: 0, ..ours() };
        assert!(judge(path, &deaf).unwrap_err().message.contains("what proxies say"));
        let lost = CopyRead::Failed { why: "a row in it makes no sense".into() };
        let error = judge(path, &Formats { copy: Some(lost), ..ours() }).unwrap_err();
        assert_eq!(
            error.message,
            format!(
                "no upgrade to /opt/gapless: Gapless {} cannot go on from the journal: a row in it makes no sense. \
                 Nothing was changed",
                env!("CARGO_PKG_VERSION")
            )
        );
    }

    #[test]
    fn what_we_say_of_ourselves_is_understood_with_more_in_it() {
        let said: Formats = serde_json::from_str(&formats(None)).unwrap();
        assert_eq!(said, ours());
        let more = formats(None).replacen('{', "{\"new\":[1],", 1);
        assert_eq!(serde_json::from_str::<Formats>(&more).unwrap(), ours());
    }
}
