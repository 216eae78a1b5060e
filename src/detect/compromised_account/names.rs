//! Login names that say something by themselves.

use crate::mail::Address;

/// Accounts of systems and daemons, which nobody has a mail program for.
const SYSTEM_LOGINS: &[&str] = &[
    "root", "toor", "daemon", "bin", "sys", "sync", "adm", "uucp", "www-data", "apache", "httpd",
    "nginx", "gnats", "nobody", "mysql", "mariadb", "postgres", "redis", "sshd", "postfix",
    "dovecot", "vmail", "mailnull", "smmsp", "exim", "clamav", "amavis", "opendkim", "named",
    "halt", "shutdown", "jenkins", "tomcat", "ubuntu", "vagrant",
];

/// Likewise, but with a domain they are mailboxes that people do have: `news@example.com`.
const SYSTEM_LOGINS_IF_BARE: &[&str] = &[
    "games", "man", "lp", "news", "proxy", "www", "backup", "list", "irc", "ftp", "bind", "ntp",
    "operator", "git", "oracle", "debian", "pi",
];

/// The names that guessers try first.
const GUESSABLE_LOGINS: &[&str] = &[
    "test",
    "test1",
    "test2",
    "testing",
    "tester",
    "guest",
    "demo",
    "user",
    "user1",
    "admin",
    "administrator",
    "info",
    "office",
    "sales",
    "contact",
    "support",
    "service",
    "scan",
    "scanner",
    "printer",
    "copier",
    "fax",
    "reception",
    "mail",
    "email",
    "smtp",
    "webmaster",
    "postmaster",
    "noreply",
    "temp",
    "student",
    "training",
    "backup",
];

/// True for a name that only a system or a daemon has.
pub(super) fn is_system(login: &str) -> bool {
    let is_bare = !login.contains('@');
    is_one_of(login, SYSTEM_LOGINS) || (is_bare && is_one_of(login, SYSTEM_LOGINS_IF_BARE))
}

/// True for a name that guessers try first.
pub(in crate::detect) fn is_guessable(login: &str) -> bool {
    is_one_of(login, GUESSABLE_LOGINS)
}

fn is_one_of(login: &str, names: &[&str]) -> bool {
    let local = Address(login).local_part().to_ascii_lowercase();
    names.contains(&local.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_with_and_without_a_domain() {
        assert!(is_system("root") && is_system("Root@example.com"));
        assert!(is_system("news") && !is_system("news@example.com"));
        assert!(is_guessable("TEST") && is_guessable("info@example.com"));
        assert!(!is_system("rooter") && !is_guessable("testa.rossa"));
    }
}
