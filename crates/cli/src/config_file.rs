//! The file that `up` and `check` read.

use crate::base_env;
use crate::errors::Error;
use camino::Utf8PathBuf;
use gapless_api::ApplyRequest;
use gapless_api::request::{AdminSettings, ControlSettings, ProxySettings, Readers};
use gapless_config::Config;
use gapless_model::AppSpec;
use std::collections::BTreeMap;

#[derive(Debug, clap::Args)]
pub(crate) struct ConfigFile {
    /// The file
    #[arg(short = 'f', long = "file", value_name = "FILE", default_value = gapless_config::FILE)]
    pub(crate) path: Utf8PathBuf,
}

impl ConfigFile {
    /// Reads and validates it.
    pub(crate) fn load(&self) -> Result<Config, Error> {
        Config::load(&self.path, &caller_env()).map_err(Error::config)
    }
}

/// The caller's environment, for apps that ask for parts of it; values that are not UTF-8 cannot travel.
pub(crate) fn caller_env() -> BTreeMap<String, String> {
    std::env::vars_os().filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?))).collect()
}

/// The request to make these apps of a file so, and Gapless itself as the file has it.
pub(crate) fn request(config: &Config, apps: Vec<AppSpec>) -> ApplyRequest {
    ApplyRequest {
        apps,
        base_env: base_env::of_caller(),
        proxy: config.proxy.as_ref().map(proxy_settings),
        admin: config.admin.as_ref().map(admin_settings),
        control: config.control.as_ref().map(control_settings),
        tls: config.tls.clone(),
    }
}

fn admin_settings(admin: &gapless_config::Admin) -> AdminSettings {
    AdminSettings { listen: admin.listen, token_file: admin.token_file.clone() }
}

fn control_settings(control: &gapless_config::Control) -> ControlSettings {
    let readers = control.readers.clone().map(|who| match who.as_str() {
        "*" => Readers::Everybody,
        _ => Readers::Group(who),
    });
    ControlSettings { group: control.group.clone(), readers }
}

fn proxy_settings(proxy: &gapless_config::Proxy) -> ProxySettings {
    ProxySettings {
        workers: proxy.workers,
        access_log: proxy.access_log,
        trust: proxy.trust.clone(),
        error_pages: proxy.error_pages.clone(),
    }
}
