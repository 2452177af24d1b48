//! What is to happen.

use gapless_model::Strategy;

/// A whole story. Times are milliseconds; those of the script count from when all apps serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Everything random follows from it.
    pub seed: u64,
    /// The apps, `a`, `b`, ….
    pub apps: Vec<AppShape>,
    /// Workers of the proxy, at least 1.
    pub workers: usize,
    /// What users do and what befalls, in any order.
    pub script: Vec<(u64, Act)>,
    /// After which of control's steps (inputs taken, orders carried out) it is killed, counted over all
    /// controls from when all apps serve.
    pub kills: Vec<u64>,
    /// At which of [`Report::points`](super::Report::points), counted from 1, it is killed. What comes after the
    /// first is counted on in what the next control does.
    pub strikes: Vec<usize>,
    /// How long a killed control is away.
    pub away: u64,
    /// A part that breaks the rules, to see whether anybody notices.
    pub sabotage: Option<Sabotage>,
}

/// How an app is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppShape {
    /// Its instances.
    pub wanted: u32,
    /// How its releases are replaced.
    pub strategy: Strategy,
    /// How many more may run.
    pub max_surge: u32,
    /// How many may be missing.
    pub max_unavailable: u32,
    /// How long a new release is watched.
    pub bake: u64,
    /// How long requests in flight are waited for.
    pub drain: u64,
    /// Whether it serves requests.
    pub routed: bool,
    /// The apps that it is started after, by their places.
    pub after: Vec<usize>,
    /// The longest that one of its requests takes.
    pub slowest_request: u64,
    /// When it is started again.
    pub restart: Policy,
    /// Whether a release is checked before it is public, where that is how it is replaced.
    pub verified: bool,
    /// Whether such a release waits for its promotion.
    pub asks: bool,
    /// Its first release.
    pub first: Character,
}

impl Default for AppShape {
    fn default() -> Self {
        Self {
            wanted: 2,
            strategy: Strategy::Rolling,
            max_surge: 1,
            max_unavailable: 0,
            bake: 500,
            drain: 2_000,
            routed: true,
            after: Vec::new(),
            slowest_request: 300,
            restart: Policy::Always,
            verified: false,
            asks: false,
            first: Character::default(),
        }
    }
}

/// When an instance is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "as gapless_model::app::RestartPolicy")]
pub enum Policy {
    Always,
    OnFailure,
    Never,
}

/// How the processes of a release behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Character {
    /// How long they take until they are ready.
    pub boot: u64,
    /// What becomes of them.
    pub fate: Fate,
    /// How they end when asked to.
    pub leave: Leave,
    /// How the release does when it is checked.
    pub checks: Checks,
}

impl Default for Character {
    fn default() -> Self {
        Self { boot: 100, fate: Fate::Good, leave: Leave::After(20), checks: Checks::Pass(50) }
    }
}

/// How a release does when it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// It passes after this long.
    Pass(u64),
    /// It fails after this long.
    Fail(u64),
    /// They come to no end.
    Hang,
}

/// What becomes of the processes of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They serve until they are stopped.
    Good,
    /// The first process of each instance crashes when it should be ready; the next is good.
    StumblesOnce,
    /// They crash when they should be ready.
    CrashesAtBoot,
    /// They cannot be executed.
    CannotSpawn,
    /// They run and are never ready.
    NeverReady,
    /// They crash this long after they became ready.
    CrashesAfter(u64),
    /// They stop being ready this long after they became so, and come back after the second time.
    Flaps(u64, u64),
    /// They hang this long after they became ready.
    WedgesAfter(u64),
    /// They end by themselves with code 0 this long after they became ready.
    FinishesAfter(u64),
}

impl Fate {
    /// Whether a rollout to such a release has to complete if nothing else goes wrong.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Good | Self::StumblesOnce)
    }
}

/// How a process ends when asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// After this many milliseconds.
    After(u64),
    /// Not at all, until it is killed.
    Ignores,
}

/// Something that a user does, or that befalls. `app` is a place in [`Scenario::apps`], taken modulo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// `gapless deploy`: a new release.
    Deploy(usize, Character),
    /// `gapless deploy --strategy`.
    DeployBy(usize, Character, Strategy),
    /// `gapless rollback`.
    Rollback(usize),
    /// `gapless scale` to this many, at least 1.
    Scale(usize, u32),
    /// `gapless pause`.
    Pause(usize),
    /// `gapless resume`.
    Resume(usize),
    /// `gapless abort`.
    Abort(usize),
    /// `gapless promote`.
    Promote(usize),
    /// `gapless stop`.
    Stop(usize),
    /// `gapless start`.
    Start(usize),
    /// `gapless restart`.
    Restart(usize),
    /// `gapless delete`.
    Delete(usize),
    /// `gapless up`: as it was defined at first, with a new release; also of an app that was deleted.
    Up(usize, Character),
    /// Control gets SIGKILL.
    KillControl,
    /// The machine is started anew.
    Boot,
    /// `gapless upgrade`: control ends for one of the next version, which lets a proxy of its own follow the one that
    /// serves.
    Upgrade,
    /// The wall clock is set forward by so many milliseconds, or back.
    ClockJumps(i64),
    /// The proxy gets SIGKILL, and another is there after this long.
    KillProxy(u64),
    /// Answers of the proxy to snapshots are lost for this long.
    LoseAcknowledgements(u64),
    /// One worker takes this much longer to take snapshots up, for as long again.
    LagWorker(usize, u64),
    /// The disk is full for this long.
    FullDisk(u64),
    /// The disk takes this long for everything, for as long again.
    SlowDisk(u64),
    /// One of the instances, by place modulo their number, crashes.
    Crash(usize),
    /// One of the instances is not ready for this long.
    Unready(usize, u64),
    /// One of the instances hangs until it is restarted.
    Wedge(usize),
    /// One of the instances takes more memory than it may from here on.
    Outgrow(usize),
}

/// A broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// An instance is stopped as soon as its retirement is written, not when its work is done.
    StopsOnRetire,
    /// The proxy says that all workers have a snapshot when the first has it.
    AcknowledgesEarly,
    /// An instance counts as ready as soon as it runs.
    ReadyAtOnce,
    /// A control that comes back starts its instances instead of taking them over.
    StartsAnew,
    /// The journal answers, and writes nothing.
    ForgetfulJournal,
    /// A control that comes back finds the newest proxy only.
    OverlooksFormerProxy,
    /// The order to stop an instance is dropped.
    IgnoresStop,
}
