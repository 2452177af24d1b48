//! Who may use the control socket: root and our own user command; a group may, and others may look, if the file
//! says so. The rights of the socket's file follow from that, and each request is judged by the credentials of
//! whoever sent it.

mod audit;
mod doors;

use gapless_api::request::{ControlSettings, Readers};
use gapless_api::{ErrorBody, ErrorKind};
use gapless_sys::account;
use gapless_sys::peer::Peer;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

pub(crate) use audit::Audit;

/// The rights as they are now, shared by all who judge by them.
#[derive(Debug, Clone)]
pub(crate) struct Access(Arc<RwLock<Rights>>);

impl Access {
    /// These rights.
    pub(crate) fn new(rights: Rights) -> Self {
        Self(Arc::new(RwLock::new(rights)))
    }

    /// As they are.
    pub(crate) fn rights(&self) -> Rights {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// These from here on.
    pub(crate) fn set(&self, rights: Rights) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = rights;
    }
}

/// What somebody may do. More is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Right {
    /// Nothing.
    Nothing,
    /// See what runs, and what happened.
    Look,
    /// All.
    Command,
}

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rights {
    /// Our own user.
    owner: u32,
    commanders: Option<Group>,
    readers: Looking,
}

/// A group of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: String,
    gid: u32,
}

/// Who may look beside those who may command.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Looking {
    Nobody,
    Members(Group),
    Everybody,
}

impl Rights {
    /// Nobody's but root's and our own user's.
    pub(crate) fn ours_only() -> Self {
        let owner = rustix::process::geteuid().as_raw();
        Self { owner, commanders: None, readers: Looking::Nobody }
    }

    /// What a `[control]` table means on this machine. Asks the name service, which may take its time.
    ///
    /// # Errors
    /// There is no such group.
    pub(crate) fn of(settings: &ControlSettings) -> Result<Self, ErrorBody> {
        let commanders = settings.group.as_deref().map(|name| group("group", name)).transpose()?;
        let readers = match &settings.readers {
            None => Looking::Nobody,
            Some(Readers::Everybody) => Looking::Everybody,
            Some(Readers::Group(name)) => Looking::Members(group("readers", name)?),
        };
        Ok(Self { commanders, readers, ..Self::ours_only() })
    }

    /// What whoever is at the other end may do.
    pub(crate) fn of_peer(&self, peer: &Peer) -> Right {
        let commands = peer.uid == 0
            || peer.uid == self.owner
            || self.commanders.as_ref().is_some_and(|group| peer.is_in(group.gid));
        let looks = || match &self.readers {
            Looking::Nobody => false,
            Looking::Members(group) => peer.is_in(group.gid),
            Looking::Everybody => true,
        };
        match commands {
            true => Right::Command,
            false if looks() => Right::Look,
            false => Right::Nothing,
        }
    }

    /// What would help somebody who may not, for people.
    fn hint(&self) -> String {
        match &self.commanders {
            Some(group) => format!(
                "members of the group {} may: `usermod -aG {} USER`, then a new login",
                group.name, group.name
            ),
            None => "`[control]` in gapless.toml allows a group: `group = \"…\"`".to_owned(),
        }
    }

    /// The answer to somebody who may not.
    pub(crate) fn refusal(&self, peer: &Peer, who: &str, needs: Right) -> ErrorBody {
        let may = match (needs, self.of_peer(peer)) {
            (Right::Command, Right::Look) => "may look, and not command this Gapless",
            (Right::Command, _) => "may not command this Gapless",
            _ => "may not look at this Gapless",
        };
        ErrorBody {
            kind: ErrorKind::Forbidden,
            message: format!("{who} {may}"),
            hint: Some(self.hint()),
            about: None,
        }
    }
}

fn group(key: &str, name: &str) -> Result<Group, ErrorBody> {
    let refused = |message: String, hint: Option<String>| ErrorBody {
        kind: ErrorKind::BadRequest,
        message: format!("{message}. Nothing was changed"),
        hint,
        about: None,
    };
    match account::group(name) {
        Ok(Some(gid)) => Ok(Group { name: name.to_owned(), gid }),
        Ok(None) => Err(refused(
            format!("`{key}` in [control] names {name:?}, and there is no such group on this machine"),
            Some("`groupadd` makes one; `getent group` lists those that there are".to_owned()),
        )),
        Err(error) => Err(refused(format!("cannot look up the group {name:?} of [control]: {error}"), None)),
    }
}

/// What cannot be given to a group, for people.
fn not_given(error: &io::Error) -> ErrorBody {
    ErrorBody {
        kind: ErrorKind::BadRequest,
        message: format!(
            "cannot open the control socket to others as [control] wants it: {error}. Nothing was changed"
        ),
        hint: Some("a user can give its files only to groups that it is in itself".to_owned()),
        about: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(uid: u32, gid: u32, groups: &[u32]) -> Peer {
        Peer { uid, gid, groups: groups.to_vec(), pid: None }
    }

    fn rights() -> Rights {
        let group = |name: &str, gid| Group { name: name.to_owned(), gid };
        Rights {
            owner: 70,
            commanders: Some(group("deploy", 80)),
            readers: Looking::Members(group("eyes", 90)),
        }
    }

    #[test]
    fn root_the_owner_and_the_group_command() {
        let rights = rights();
        for who in [peer(0, 0, &[]), peer(70, 1, &[]), peer(1, 80, &[]), peer(1, 2, &[3, 80])] {
            assert_eq!(rights.of_peer(&who), Right::Command, "{who:?}");
        }
        assert_eq!(rights.of_peer(&peer(1, 2, &[3, 90])), Right::Look);
        assert_eq!(rights.of_peer(&peer(1, 2, &[3])), Right::Nothing);
        // A uid is no gid.
        assert_eq!(rights.of_peer(&peer(80, 2, &[70])), Right::Nothing);
    }

    #[test]
    fn without_a_table_nobody_else_may_anything() {
        let rights = Rights { owner: 70, ..Rights::ours_only() };
        assert_eq!(rights.of_peer(&peer(1, 70, &[0])), Right::Nothing);
        let everybody = Rights { readers: Looking::Everybody, ..rights };
        assert_eq!(everybody.of_peer(&peer(1, 2, &[])), Right::Look);
    }

    #[test]
    fn who_may_not_hears_why_and_what_helps() {
        let said = rights().refusal(&peer(1, 90, &[]), "ann (uid 1)", Right::Command);
        assert_eq!(said.message, "ann (uid 1) may look, and not command this Gapless");
        assert!(said.hint.unwrap().contains("the group deploy"));
        let said = Rights::ours_only().refusal(&peer(1, 2, &[]), "ann (uid 1)", Right::Look);
        assert_eq!(said.message, "ann (uid 1) may not look at this Gapless");
        assert!(said.hint.unwrap().contains("[control]"));
    }

    #[test]
    fn a_group_that_is_not_there_is_named() {
        let settings = ControlSettings { group: Some("no such group".into()), readers: None };
        let refused = Rights::of(&settings).unwrap_err();
        assert!(refused.message.contains("`group` in [control] names \"no such group\""), "{refused}");
        assert_eq!(Rights::of(&ControlSettings::default()).unwrap(), Rights::ours_only());
    }
}
