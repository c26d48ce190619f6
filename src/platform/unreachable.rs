//! Why a host could not be read, in words that a person can act on.

use std::error::Error as StdError;
use std::io;

use rustls::CertificateError as Certificate;

use super::Error;
use super::http::Call;

/// A failed exchange in words; the URL is left out, since a proof may stand in it.
pub(super) fn unreachable_host(call: &Call, error: reqwest::Error) -> Error {
    let (what, host) = (&call.what, call.url.host_str().unwrap_or_default());
    let error = error.without_url();
    let say = match refused_certificate(&error).map(words) {
        Some((fault, act)) => format!("{what}: {host} shows a certificate {fault}, so nothing was sent. {act}"),
        None => format!("{what}: {host} could not be read: {}", innermost(&error)),
    };
    Error::Transient { say }
}

/// What is wrong with a certificate, and what to do.
fn words(certificate: &Certificate) -> (&'static str, &'static str) {
    match certificate {
        Certificate::UnknownIssuer => (
            "that nobody known to this server vouches for",
            "If the network looks into encrypted traffic, have this host exempted or its authority installed on this server; \
             if not, update the package ca-certificates, and do not trust the network until this is gone",
        ),
        Certificate::Expired | Certificate::ExpiredContext { .. } => (
            "that has expired",
            "Look whether this server's clock is right; if it is, the host must renew its certificate, and the next run tries \
             again",
        ),
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            ("that is not valid yet", "Look whether this server's clock is right")
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => (
            "that is made out to another name",
            "Something answers in the host's place: ask whoever runs the network about proxies, and look at this server's DNS \
             and hosts file",
        ),
        _ => ("that is not good", "Ask whoever runs the network what stands between this server and the host"),
    }
}

/// The certificate that a connection failed on. An I/O error holds it without naming it as its source.
fn refused_certificate<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Certificate> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(certificate)) = error.downcast_ref() {
            return Some(certificate);
        }
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = held.map(|held| held as &(dyn StdError + 'static)).or_else(|| error.source());
    }
    None
}

fn innermost(error: &dyn StdError) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
