//! Gets one certificate from the authority.

use super::Vault;
use super::failure::{Failure, chain};
use crate::core::Desk;
use crate::tls::Certificate;
use crate::tls::keychain::Proof;
use gapless_model::tls::{AcmeChallenge, AcmeSpec};
use gapless_routing::{CertificatePair, Secret};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Error, Identifier, KeyAuthorization,
    NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use std::time::Duration;
use tokio::time::timeout;

/// How long the proxy may take to show something: it is told at once, and says so at once.
const SHOWN: Duration = Duration::from_secs(30);

/// How long the authority may look, or make a certificate.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(90));

/// One host, to be fetched.
pub(super) struct Errand<'a> {
    pub(super) host: &'a str,
    pub(super) challenge: AcmeChallenge,
    pub(super) acme: &'a AcmeSpec,
    pub(super) vault: &'a Vault,
    pub(super) desk: &'a Desk,
}

impl Errand<'_> {
    /// Orders a certificate, shows what the authority wants to see, and keeps what it gives.
    pub(super) async fn run(&self) -> Result<Certificate, Failure> {
        let account = self.account().await?;
        let ids = [Identifier::Dns(self.host.to_owned())];
        let mut order = account.new_order(&NewOrder::new(&ids)).await.map_err(|e| self.refused(&e))?;
        let proven = self.prove(&mut order).await;
        let _ = self.desk.ask(|core| core.keychain.hide()).await;
        proven?;
        let key = order.finalize().await.map_err(|e| self.refused(&e))?;
        let chain = order.poll_certificate(&PATIENCE).await.map_err(|e| self.refused(&e))?;
        let (vault, host) = (self.vault.clone(), self.host.to_owned());
        let kept = tokio::task::spawn_blocking(move || vault.put(&host, &chain, &key)).await;
        kept.unwrap_or_else(|error| Err(error.into())).map_err(|source| self.disk(source))
    }

    /// The account with the authority; made when there is none yet.
    async fn account(&self) -> Result<Account, Failure> {
        let builder = || match &self.acme.ca {
            Some(ca) => Account::builder_with_root(ca),
            None => Account::builder(),
        };
        let known =
            self.vault.account().and_then(|text| serde_json::from_str::<AccountCredentials>(&text).ok());
        if let Some(known) = known {
            let builder = builder().map_err(|e| self.refused(&e))?;
            return builder.from_credentials(known).await.map_err(|e| self.refused(&e));
        }
        let contact = self.acme.email.as_ref().map(|email| format!("mailto:{email}"));
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let new =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let made =
            builder().map_err(|e| self.refused(&e))?.create(&new, self.acme.directory.clone(), None).await;
        let (account, credentials) = made.map_err(|e| self.refused(&e))?;
        let text = serde_json::to_string(&credentials).map_err(|e| self.disk(e.into()))?;
        self.vault.put_account(&text).map_err(|source| self.disk(source))?;
        Ok(account)
    }

    async fn prove(&self, order: &mut Order) -> Result<(), Failure> {
        let wanted = match self.challenge {
            AcmeChallenge::Http => ChallengeType::Http01,
            AcmeChallenge::TlsAlpn => ChallengeType::TlsAlpn01,
        };
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(|e| self.refused(&e))?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let Some(mut challenge) = authorization.challenge(wanted.clone()) else {
                return Err(Failure::NotOffered { host: self.host.to_owned(), challenge: self.challenge });
            };
            self.show(challenge.token.clone(), &challenge.key_authorization()).await?;
            challenge.set_ready().await.map_err(|e| self.refused(&e))?;
        }
        match order.poll_ready(&PATIENCE).await {
            Ok(OrderStatus::Invalid) => Err(self.not_here(order, None).await),
            Ok(_) => Ok(()),
            Err(error) => Err(self.not_here(order, Some(error)).await),
        }
    }

    /// What the authority saw instead of us.
    async fn not_here(&self, order: &mut Order, error: Option<Error>) -> Failure {
        let mut authorizations = order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            let _ = authorization.refresh().await;
            if let Some(problem) = authorization.challenges.iter().find_map(|c| c.error.as_ref()) {
                let why = problem.detail.clone().unwrap_or_else(|| problem.to_string());
                return Failure::NotHere { host: self.host.to_owned(), why, challenge: self.challenge };
            }
        }
        self.refused(&error.unwrap_or(Error::Str("the order is invalid, and no reason was given")))
    }

    /// Has the proxy show it, on every worker.
    async fn show(&self, token: String, key: &KeyAuthorization) -> Result<(), Failure> {
        let proof = match self.challenge {
            AcmeChallenge::Http => Proof::Http { token, answer: key.as_str().to_owned() },
            AcmeChallenge::TlsAlpn => Proof::Tls { host: self.host.to_owned(), pair: self.pair(key)? },
        };
        let shown = self.desk.ask(|core| (core.keychain.show(proof), core.keychain.certified())).await;
        let no_proxy = || Failure::NoProxy { host: self.host.to_owned() };
        let (number, mut certified) = shown.map_err(|_| no_proxy())?;
        match timeout(SHOWN, certified.wait_for(|confirmed| *confirmed >= number)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(no_proxy()),
        }
    }

    /// The certificate that only an authority is shown (RFC 8737 section 3).
    fn pair(&self, key: &KeyAuthorization) -> Result<CertificatePair, Failure> {
        let made = || {
            let mut params = CertificateParams::new(vec![self.host.to_owned()])?;
            params.custom_extensions = vec![CustomExtension::new_acme_identifier(key.digest().as_ref())];
            let own = KeyPair::generate()?;
            Ok::<_, rcgen::Error>((params.self_signed(&own)?.pem(), own.serialize_pem()))
        };
        let (chain, key) = made().map_err(|error| self.refused(&Error::Other(error.into())))?;
        let name = format!("the challenge for {}", self.host);
        Ok(CertificatePair { name, hosts: vec![self.host.to_owned()], chain, key: Secret(key) })
    }

    fn refused(&self, error: &Error) -> Failure {
        let (host, authority) = (self.host.to_owned(), self.acme.directory.clone());
        Failure::Authority { host, authority, why: chain(error) }
    }

    fn disk(&self, source: std::io::Error) -> Failure {
        Failure::Disk { host: self.host.to_owned(), source }
    }
}
