//! Login names that say something by themselves.

use crate::mail::Address;

/// Names that no mail program logs in with: system accounts of Debian, Red Hat and the usual daemons.
const SYSTEM_LOGINS: &[&str] = &[
    "root", "toor", "daemon", "bin", "sys", "sync", "games", "man", "lp", "news", "uucp", "proxy",
    "www-data", "www", "apache", "httpd", "nginx", "backup", "list", "irc", "gnats", "nobody",
    "ftp", "mysql", "mariadb", "postgres", "redis", "sshd", "postfix", "dovecot", "vmail",
    "mailnull", "smmsp", "exim", "clamav", "amavis", "opendkim", "named", "bind", "ntp",
    "operator", "halt", "shutdown", "adm", "git", "jenkins", "tomcat", "oracle", "ubuntu",
    "debian", "pi", "vagrant",
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
    is_one_of(login, SYSTEM_LOGINS)
}

/// True for a name that guessers try first.
pub(super) fn is_guessable(login: &str) -> bool {
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
        assert!(is_guessable("TEST") && is_guessable("info@example.com"));
        assert!(!is_system("rooter") && !is_guessable("testa.rossa"));
    }
}
