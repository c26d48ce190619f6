//! A page of the district's own site, read as a visitor reads it: where an official page keeps what it asks of comments. Nothing else of
//! the web is ever read: neither a host that is not the district's nor a private address, unless the operator names it.

use reqwest::Url;

use super::http::{Call, Http, Trust, header};
use super::{Error, Failure};
use crate::model::{Attempt, Exchange};

/// How often one address may lead on to another.
const MOST_STEPS: usize = 4;

/// The district's own site.
#[derive(Debug, Clone, Copy)]
pub struct Site<'s> {
    /// Its domains; each stands for its subdomains too.
    pub domains: &'s [String],
    /// Where it is reached, if not at its own address.
    pub base: Option<&'s str>,
}

impl Site<'_> {
    /// An address as it is asked, where it lies under one of the district's domains.
    fn own(&self, address: &str) -> Option<Url> {
        let with_scheme = if address.contains("://") { address.to_owned() } else { format!("https://{address}") };
        let url = Url::parse(&with_scheme).ok()?;
        let host = url.host_str()?.trim_end_matches('.').to_lowercase();
        let is_own = |domain: &String| {
            let domain = domain.to_lowercase();
            host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
        };
        let is_web = matches!(url.scheme(), "http" | "https");
        (is_web && self.domains.iter().any(is_own)).then_some(url)
    }

    /// Whether an address leads to a page under one of the district's domains, and not to their first page.
    pub fn has(&self, address: &str) -> bool {
        self.own(address).is_some_and(|url| url.path().len() > 1)
    }

    fn call(&self, url: &Url) -> Result<Call, Error> {
        let words = format!("the district's page {url}");
        let Some(base) = self.base else {
            let mut call = Call::get(url.as_str(), &[], words)?.trust(Trust::Foreign).meter(meter(url));
            // Sites send whoever comes over plain http to https: we ask there at once.
            call.url = url.clone();
            let _is_settable = call.url.set_scheme("https");
            return Ok(call);
        };
        let mut call = Call::get(base, &[], words)?.meter(meter(url));
        call.url.set_path(url.path());
        call.url.set_query(url.query());
        Ok(call)
    }
}

fn meter(url: &Url) -> String {
    format!("site:{}", url.host_str().unwrap_or_default())
}

/// Reads a page, following its redirects within the district's domains. Each step is in the exchange's `earlier`. Any status below
/// 500 is an answer.
pub async fn read(http: &Http, address: &str, site: &Site<'_>) -> Result<Exchange, Failure> {
    let unexpected = |say: String| Failure::from(Error::Unexpected { say });
    let mut url =
        site.own(address).ok_or_else(|| unexpected(format!("{address} is not one of the district's pages")))?;
    let mut earlier: Vec<Attempt> = Vec::new();
    loop {
        let failure = match http.send(&site.call(&url)?).await {
            Ok(exchange) => {
                earlier.extend(exchange.earlier.iter().cloned());
                return Ok(Exchange { earlier, ..exchange });
            }
            Err(failure) => failure,
        };
        let onward =
            failure.exchange.as_ref().filter(|exchange| matches!(exchange.status, 301 | 302 | 303 | 307 | 308));
        let onward = onward.and_then(|exchange| url.join(header(exchange, "location")?).ok());
        let Some(onward) = onward else { return Err(failure.after_steps(earlier)) };
        let next = site.own(onward.as_str()).filter(|_| earlier.len() < MOST_STEPS);
        let Some(next) = next else {
            let say = format!("{address} leads on to {}, which is not read", onward.host_str().unwrap_or("nowhere"));
            let error = Error::Unexpected { say };
            return Err(Failure { error, ..failure }.after_steps(earlier));
        };
        url = next;
        earlier.extend(failure.attempt());
    }
}

impl Failure {
    /// The same, with the steps that led to it before what the last one met.
    fn after_steps(mut self, mut steps: Vec<Attempt>) -> Failure {
        if let Some(exchange) = &mut self.exchange {
            steps.append(&mut exchange.earlier);
            exchange.earlier = steps;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_districts_own_hosts_are_asked() {
        let domains = ["mesavista.example.org".to_owned()];
        let site = Site { domains: &domains, base: None };
        for own in [
            "mesavista.example.org/social",
            "https://www.MesaVista.example.org/a?b=c",
            "http://mesavista.example.org./x",
        ] {
            assert!(site.has(own), "{own}");
        }
        for other in [
            "https://mesavista.example.org/",
            "mesavista.example.org.example.net/a",
            "https://notmesavista.example.org/a",
            "https://example.net/mesavista.example.org/a",
            "ftp://mesavista.example.org/a",
            "https://mesavista.example.org@example.net/a",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "/social",
            "",
        ] {
            assert!(!site.has(other), "{other}");
        }
    }

    #[test]
    fn plain_http_becomes_https_and_a_base_takes_the_place_of_the_host() {
        let domains = ["mesavista.example.org".to_owned()];
        let asked = |base: Option<&str>| {
            let site = Site { domains: &domains, base };
            let call = site.call(&site.own("http://mesavista.example.org/a/b?c=d").unwrap()).unwrap();
            (call.url.to_string(), call.trust)
        };
        assert_eq!(asked(None), ("https://mesavista.example.org/a/b?c=d".to_owned(), Trust::Foreign));
        assert_eq!(
            asked(Some("http://127.0.0.1:7777")),
            ("http://127.0.0.1:7777/a/b?c=d".to_owned(), Trust::Configured)
        );
    }
}
