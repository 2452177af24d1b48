//! Everything that the proxy needs to know at one moment.

use gapless_model::app::{DrainSpec, HoldSpec, RetrySpec};
use gapless_model::balance::BalanceSpec;
use gapless_model::instance::Retiring;
use gapless_model::limits::LimitSpec;
use gapless_model::release::AppProtocol;
use gapless_model::route::HostPattern;
use gapless_model::trust::Trust;
use gapless_model::{
    AccessLog, Address, AppName, ErrorPages, Generation, InstanceId, PreviewSecret, ReleaseId,
};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The whole routing of an installation. A newer one replaces an older one entirely.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// Higher is newer.
    pub generation: Generation,
    /// Public listeners. One that is not named any more is closed, its connections are finished.
    pub listeners: Vec<Listener>,
    /// Which request goes to which app.
    pub routes: Vec<Route>,
    /// Who serves the apps.
    pub apps: Vec<AppRouting>,
    /// Whether, and how, requests are written to the access log.
    pub access_log: AccessLog,
    /// What clients see when the proxy answers by itself.
    #[serde(default, skip_serializing_if = "ErrorPages::is_empty")]
    pub error_pages: ErrorPages,
    /// Whose word on the client that they speak for is believed.
    #[serde(default)]
    pub trust: Trust,
}

/// A public listening socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Where it listens. Two listeners never have the same address.
    pub address: SocketAddr,
    /// Its place among the descriptors that came with this frame; none if the proxy already has it.
    pub descriptor: Option<usize>,
    /// What clients speak on it. Another one than before holds for new connections only.
    #[serde(default)]
    pub protocol: Protocol,
}

/// What clients speak on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// HTTP.
    #[default]
    Plain,
    /// HTTP; requests that no route takes are sent to the same host by https.
    Redirect {
        /// Where https is spoken.
        port: u16,
    },
    /// HTTP within TLS, by what the last [`Certificates`](crate::Certificates) say.
    Tls {
        /// For how many seconds clients shall come by https only (RFC 6797).
        hsts: Option<u64>,
    },
}

/// A rule. Among those that match, the exact host goes before the wildcard before any host, then the
/// longest path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The listener that the request came by.
    pub listener: SocketAddr,
    /// Which hosts; none means every host.
    pub host: Option<HostPattern>,
    /// Path prefix of whole segments.
    pub path: String,
    /// Where to.
    pub app: AppName,
}

/// Who serves one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRouting {
    /// Which app.
    pub app: AppName,
    /// Its instances that serve, or still finish requests.
    pub backends: Vec<Backend>,
    /// What becomes of requests while none serves.
    pub hold: HoldSpec,
    /// It is stopped: no request waits for it, and none is lost by it.
    #[serde(default)]
    pub stopped: bool,
    /// Which requests may be sent a second time.
    pub retry: RetrySpec,
    /// What becomes of upgraded connections when their instance retires, or the proxy ends.
    #[serde(default)]
    pub drain: DrainSpec,
    /// How requests are spread over the instances.
    #[serde(default)]
    pub balance: BalanceSpec,
    /// How much of a request it takes.
    #[serde(default)]
    pub limits: LimitSpec,
    /// What clients see when the proxy answers for this app; before those of the snapshot.
    #[serde(default, skip_serializing_if = "ErrorPages::is_empty")]
    pub error_pages: ErrorPages,
    /// How requests ask for a new release that is not public yet: those go to the backends of
    /// [`Duty::Preview`] only.
    #[serde(default)]
    pub preview: Option<PreviewRouting>,
}

impl AppRouting {
    /// An app with these instances, of which its file says nothing more.
    pub fn plain(app: AppName, backends: Vec<Backend>) -> Self {
        Self {
            app,
            backends,
            hold: HoldSpec::default(),
            stopped: false,
            retry: RetrySpec::default(),
            drain: DrainSpec::default(),
            balance: BalanceSpec::default(),
            limits: LimitSpec::default(),
            error_pages: ErrorPages::default(),
            preview: None,
        }
    }
}

/// How requests ask for a new release that is not public yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewRouting {
    /// At the public listeners: with this in the header [`PREVIEW_HEADER`](gapless_model::rollout::PREVIEW_HEADER).
    pub secret: PreviewSecret,
    /// By coming to this listener.
    pub address: Option<SocketAddr>,
}

/// An instance as the proxy sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    /// Which instance.
    pub instance: InstanceId,
    /// Of which release.
    pub release: ReleaseId,
    /// Where it is reached.
    pub address: Address,
    /// What it speaks there.
    #[serde(default)]
    pub protocol: AppProtocol,
    /// What it is there for.
    pub duty: Duty,
    /// Its retirement, if that was decided: until when its upgraded connections may last. One that only is
    /// not ready keeps them.
    #[serde(default)]
    pub retiring: Option<Retiring>,
}

/// Whether an instance gets new requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duty {
    /// New requests may go to it, in proportion to the weight (at least 1) among its app's instances.
    Serve {
        /// The weight.
        weight: u32,
    },
    /// Only requests that ask for the new release go to it.
    Preview,
    /// It gets no new requests and finishes those that it has; idle connections to it are closed. Its
    /// requests in flight are reported as they end.
    Finish,
}
