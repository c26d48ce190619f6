//! Which addresses may be talked to: the one place that keeps a media URL or a DID document from naming the inside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::http::Trust;

/// A DNS resolver that filters what it found, at the moment of connecting: a name that changes its address between a
/// check and a connection gains nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    Anything,
    Public,
    PublicOrLoopback,
}

impl Guard {
    fn allows(self, address: IpAddr) -> bool {
        match self {
            Guard::Anything => true,
            Guard::Public => is_public(address),
            Guard::PublicOrLoopback => is_public(address) || address.to_canonical().is_loopback(),
        }
    }
}

impl From<Trust> for Guard {
    fn from(trust: Trust) -> Guard {
        match trust {
            Trust::Configured => Guard::Anything,
            Trust::Foreign => Guard::Public,
            Trust::ForeignOrLoopback => Guard::PublicOrLoopback,
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = *self;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| guard.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err(format!("{} has no address that may be talked to", name.as_str()).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Refuses, in words, a URL that must not be asked: no resolver sees an address that stands in the URL itself.
pub(super) fn check(url: &Url, trust: Trust) -> Result<(), String> {
    let host = url.host_str().ok_or_else(|| "the address has no host".to_owned())?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(url) => {}
        "http" => return Err(format!("{host} is asked over plain http, which is for loopback addresses only")),
        other => return Err(format!("{other:?} is not a way to ask a platform")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("the address of {host} carries a user name or password"));
    }
    if trust != Trust::Configured && url.scheme() == "https" && url.port().is_some() && !is_loopback(url) {
        return Err(format!("{host} is named with a port of its own"));
    }
    match literal(url) {
        Some(address) if !Guard::from(trust).allows(address) => Err(format!("{host} is not a public address")),
        _ => Ok(()),
    }
}

/// True for `localhost` and loopback addresses written out.
pub(super) fn is_loopback(url: &Url) -> bool {
    url.host_str() == Some("localhost") || literal(url).is_some_and(|address| address.to_canonical().is_loopback())
}

fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Global unicast only, less documentation, and less the ranges that carry an IPv4 address inside.
    segments[0] & 0xe000 == 0x2000
        && !(segments[0] == 0x2001 && segments[1] < 0x0200)
        && !(segments[0] == 0x2001 && segments[1] == 0x0db8)
        && segments[0] != 0x2002
        && segments[0] != 0x3fff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str, trust: Trust) -> bool {
        check(&Url::parse(url).unwrap(), trust).is_err()
    }

    #[test]
    fn the_inside_is_refused_in_every_spelling() {
        for url in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://10.0.0.5/",
            "https://169.254.169.254/latest",
            "https://192.168.1.1/",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://[2002:a00:1::]/",
            "https://[64:ff9b::a00:1]/",
            "http://scontent.example.org/",
            "ftp://scontent.example.org/",
            "https://user:word@scontent.example.org/",
            "https://scontent.example.org:8443/",
        ] {
            assert!(refused(url, Trust::Foreign), "{url}");
        }
        assert!(!refused("https://93.184.215.14/", Trust::Foreign));
        assert!(!refused("https://scontent.example.org/a.jpg?x=1", Trust::Foreign));
    }

    #[test]
    fn loopback_is_for_an_operator_whose_api_stands_there() {
        assert_eq!(Trust::foreign("http://127.0.0.1:9000"), Trust::ForeignOrLoopback);
        assert_eq!(Trust::foreign("https://graph.facebook.com"), Trust::Foreign);
        assert!(!refused("http://127.0.0.1:9000/a.jpg", Trust::ForeignOrLoopback));
        assert!(!refused("http://[::1]:9000/a.jpg", Trust::ForeignOrLoopback));
        assert!(refused("https://10.0.0.5/", Trust::ForeignOrLoopback));
        assert!(refused("http://10.0.0.5/", Trust::Configured));
        assert!(!refused("https://10.0.0.5/", Trust::Configured));
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_resolved() {
        assert!(Guard::Public.resolve("localhost".parse().unwrap()).await.is_err());
        assert!(Guard::PublicOrLoopback.resolve("localhost".parse().unwrap()).await.is_ok());
    }
}
