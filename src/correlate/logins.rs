//! Passwords judged and mailboxes opened.

use super::message::Origin;
use super::{Correlator, LoginSeen};
use crate::event::{AuthFailure, Disconnect, Login};
use crate::read::Record;

impl Correlator {
    pub(super) fn smtp_login(&mut self, record: &Record<'_>, origin: &Origin) {
        if origin.sasl_username.is_some() {
            let protocol = self.told.strings.intern("smtp");
            self.told.logins.push(LoginSeen {
                timestamp: record.timestamp,
                at: record.at,
                sasl_username: origin.sasl_username,
                client_ip: origin.client_ip,
                protocol,
                sasl_method: origin.sasl_method,
                succeeded: true,
                own_fault: false,
                n_times: record.repeated,
            });
        }
    }

    /// L7: smtpd(8) names a login only with a message; without one `disconnect from … auth=1` is all that tells.
    pub(super) fn unnamed_login(&mut self, record: &Record<'_>, disconnect: &Disconnect<'_>) {
        let strings = &mut self.told.strings;
        let seen = LoginSeen {
            timestamp: record.timestamp,
            at: record.at,
            sasl_username: None,
            client_ip: disconnect.client.ip.map(|ip| strings.intern(ip)),
            protocol: strings.intern("smtp"),
            sasl_method: None,
            succeeded: true,
            own_fault: false,
            n_times: record.repeated,
        };
        self.told.logins.push(seen);
    }

    pub(super) fn auth_failure(&mut self, record: &Record<'_>, failure: &AuthFailure<'_>) {
        let strings = &mut self.told.strings;
        let mut intern = |text: Option<&str>| text.map(|text| strings.intern(text));
        let seen = LoginSeen {
            timestamp: record.timestamp,
            at: record.at,
            sasl_username: intern(failure.sasl_username),
            client_ip: intern(failure.client.ip),
            sasl_method: intern(failure.sasl_method),
            protocol: strings.intern(failure.protocol),
            succeeded: false,
            own_fault: failure.own_fault,
            n_times: failure.attempts.max(1).saturating_mul(record.repeated),
        };
        self.last_failure = Some(self.told.logins.len());
        self.told.logins.push(seen);
    }

    pub(super) fn login(&mut self, record: &Record<'_>, login: &Login<'_>) {
        let strings = &mut self.told.strings;
        let seen = LoginSeen {
            timestamp: record.timestamp,
            at: record.at,
            sasl_username: Some(strings.intern(login.sasl_username)),
            client_ip: login.client_ip.map(|ip| strings.intern(ip)),
            protocol: strings.intern(login.protocol),
            sasl_method: login.sasl_method.map(|method| strings.intern(method)),
            succeeded: true,
            own_fault: false,
            n_times: record.repeated,
        };
        self.told.logins.push(seen);
    }
}
