//! Networks of client addresses: what counts as "the same place".

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The network of a client as the counts mean it: a /24 or a /48.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(pub IpNet);

impl Network {
    /// The network that an address belongs to.
    pub fn of(ip: IpAddr) -> Self {
        let net = match ip.to_canonical() {
            IpAddr::V4(ip) => IpNet::V4(Ipv4Net::new_assert(ip, 24).trunc()),
            IpAddr::V6(ip) => IpNet::V6(Ipv6Net::new_assert(ip, 48).trunc()),
        };
        Self(net)
    }
}

/// True for addresses that are nobody's on the Internet: this host, a local network, a container.
pub fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_private_addresses() {
        let network = |ip: &str| Network::of(ip.parse().unwrap()).0.to_string();
        assert_eq!(network("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(network("::ffff:192.0.2.77"), "192.0.2.0/24");
        assert_eq!(network("2001:db8:1:2::3"), "2001:db8:1::/48");
        assert!(is_private("172.19.0.1".parse().unwrap()));
        assert!(!is_private("192.0.2.1".parse().unwrap()));
    }
}
