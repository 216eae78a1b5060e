//! Addresses that are nowhere in particular (IANA special-purpose address registries, RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// True for addresses that never cross the Internet: private, loopback, link-local, multicast, reserved.
pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_private_v4(ip),
        IpAddr::V6(ip) => is_private_v6(ip),
    }
}

/// True for addresses in examples (RFC 5737, RFC 3849, RFC 9637). The table has some of them by registration;
/// a user's file that knows them was made for a test, and is believed.
pub(super) fn is_documentation(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_documentation(),
        IpAddr::V6(ip) => match ip.segments() {
            [0x2001, 0xdb8, ..] => true,
            [0x3fff, second, ..] => second < 0x1000,
            _ => false,
        },
    }
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    match ip.octets() {
        // This network, carrier-grade NAT (RFC 6598), protocol assignments, benchmarks (RFC 2544), reserved.
        [0, ..] | [100, 64..=127, ..] | [192, 0, 0, _] | [198, 18..=19, ..] | [240..=255, ..] => {
            true
        }
        _ => ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast(),
    }
}

fn is_private_v6(ip: Ipv6Addr) -> bool {
    ip.is_unspecified()
        || ip.is_loopback()
        || ip.is_multicast()
        || ip.is_unique_local()
        || ip.is_unicast_link_local()
        // Site-local, given up by RFC 3879 and still seen.
        || ip.segments()[0] & 0xffc0 == 0xfec0
}
